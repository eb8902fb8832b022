using System.Text.RegularExpressions;

namespace FunctionalWs.Docs.Site;

/// <summary>
/// Scripts name packages, as their readers do. fsdocs runs them on what was built here; in the scripts and notebooks that it writes they
/// name packages again, of the version that the site is about.
/// </summary>
internal static partial class ScriptReferences
{
    private static readonly string[] Server =
    [
        "Microsoft.Extensions.Logging.Abstractions",
        "FunctionalWs.Protocol",
        "FunctionalWs.Recording",
        "FunctionalWs.Routing",
        "FunctionalWs.Server",
        "FunctionalWs.Client",
        "FunctionalWs.FSharp",
    ];

    /// <summary>The script as fsdocs takes it, from a folder three levels below the repository's.</summary>
    /// <param name="script">The script as its readers have it.</param>
    /// <param name="configuration">Of which build the assemblies are.</param>
    /// <param name="words">What a notebook runs first, so that it shows values in their words.</param>
    public static string ForSite(string script, string configuration, string words) =>
        References()
            .Replace(
                script,
                block =>
                {
                    var named = Package()
                        .Matches(block.Value)
                        .Select(match => match.Groups[1].Value);
                    var packages = named.ToList();
                    var assemblies = packages
                        .SelectMany(package => AssembliesOf(package, configuration))
                        .Distinct();
                    return $"""
                        (*** condition: prepare ***)
                        {string.Join('\n', assemblies)}
                        {Published("fsx", packages, "")}
                        {Published("ipynb", packages, words)}

                        """;
                }
            );

    private static IEnumerable<string> AssembliesOf(string package, string configuration) =>
        package switch
        {
            "FunctionalWs.FSharp" => Server.Select(name =>
                Assembly("Server.FSharp", name, configuration)
            ),
            "FunctionalWs.Testing" => [Assembly("Testing.CSharp", package, configuration)],
            "FunctionalWs.FSharp.Testing" =>
            [
                Assembly("Testing.FSharp", "FunctionalWs.Testing", configuration),
                Assembly("Testing.FSharp", package, configuration),
            ],
            "FunctionalWs.Protocol" => [Assembly("Server.FSharp", package, configuration)],
            _ => throw new InvalidDataException($"Where is the assembly of {package}?"),
        };

    private static string Assembly(string project, string name, string configuration) =>
        $"#r \"../../../src/{project}/bin/{configuration}/net10.0/{name}.dll\"";

    private static string Published(string kind, IEnumerable<string> packages, string first)
    {
        var symbol = kind.ToUpperInvariant();
        var lines = packages.Select(package =>
            "#r \"nuget: " + package + ", {{fsdocs-package-version}}\""
        );
        return $"(*** condition: {kind} ***)\n#if {symbol}\n{string.Join('\n', lines)}\n{first}#endif // {symbol}";
    }

    [GeneratedRegex(@"(^#r ""nuget: FunctionalWs\.[\w.]+, [^""]*""\n)+", RegexOptions.Multiline)]
    private static partial Regex References();

    [GeneratedRegex(@"nuget: (FunctionalWs\.[\w.]+),")]
    private static partial Regex Package();
}
