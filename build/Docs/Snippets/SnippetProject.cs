using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace FunctionalWs.Docs.Snippets;

/// <summary>One project of all C# blocks, which runs them, and one of all F# blocks.</summary>
internal static partial class SnippetProject
{
    private const string CSharpProject = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <TargetFramework>net10.0</TargetFramework>
            <OutputType>Exe</OutputType>
            <RootNamespace>Snippets.Run</RootNamespace>
            <Nullable>enable</Nullable>
            <ImplicitUsings>enable</ImplicitUsings>
            <WarningsAsErrors>nullable</WarningsAsErrors>
            <NoWarn>$(NoWarn);CS0219;CS8321;CS0162;CS0649;NU1510;CS0105</NoWarn>
          </PropertyGroup>
          <ItemGroup>
            <Compile Include="../../../build/Docs/Snippets/Run/*.cs" />
            <ProjectReference Include="../FSharp/FSharp.fsproj" />
            <ProjectReference Include="../../../src/*/*.csproj" />
            <FrameworkReference Include="Microsoft.AspNetCore.App" />
          </ItemGroup>
        </Project>
        """;

    private const string FSharpProject = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <TargetFramework>net10.0</TargetFramework>
            <Nullable>enable</Nullable>
            <NoWarn>$(NoWarn);FS0020;FS1182;NU1510</NoWarn>
          </PropertyGroup>
          <ItemGroup>
            <Compile Include="*.fs" />
            <ProjectReference Include="../../../src/*/*.fsproj" />
            <ProjectReference Include="../../../src/*/*.csproj" />
            <FrameworkReference Include="Microsoft.AspNetCore.App" />
          </ItemGroup>
        </Project>
        """;

    /// <summary>Writes the projects into a folder beside two others; returns what is wrong with the blocks.</summary>
    public static IReadOnlyList<string> Write(string root, string folder)
    {
        var pages = Directory
            .GetFiles(Path.Combine(root, "docs"), "*.md")
            .Select(page => Path.GetRelativePath(root, page));
        var blocks = pages
            .Append("README.md")
            .Append("README.fsharp.md")
            .Order(StringComparer.Ordinal)
            .SelectMany(page => Block.In(root, page))
            .ToList();
        var mistakes = blocks.Select(block => block.Mistake).OfType<string>().ToList();

        var csharp = Chains(blocks.Where(block => block.Language == "csharp"));
        var fsharp = Chains(blocks.Where(block => block.Language == "fsharp"));
        var ports = FreePorts(2 * (csharp.Count + fsharp.Count)).Chunk(2).ToList();
        var files = new Dictionary<string, string>
        {
            // Keeps what holds for the repository's own projects away.
            ["Directory.Build.props"] = "<Project />",
            ["Directory.Build.targets"] = "<Project />",
            ["CSharp/CSharp.csproj"] = CSharpProject,
            ["FSharp/FSharp.fsproj"] = FSharpProject,
            ["FSharp/None.fs"] = "module Snippets.FSharp.None\n",
        };
        var list = new StringBuilder();
        foreach (var (chain, own) in csharp.Zip(ports))
        {
            files[$"CSharp/{chain[0].Name}.cs"] = WithPorts(SourceText.CSharp(chain), own);
            list.Append(
                Entry(
                    chain,
                    own[0],
                    $"new global::Snippets.{chain[0].Page}.Block{chain[0].Line}().Run"
                )
            );
        }

        foreach (var (chain, own) in fsharp.Zip(ports.Skip(csharp.Count)))
        {
            files[$"FSharp/{chain[0].Name}.fs"] = WithPorts(SourceText.FSharp(chain), own);
            list.Append(Entry(chain, own[0], $"global::Snippets.FSharp.{chain[0].Name}.run"));
        }

        files["CSharp/Program.cs"] = $"return Snippets.Run.Runner.RunAll([\n{list}]);\n";
        Replace(folder, files);
        WriteShell(folder, blocks.Where(block => block.Language == "sh"));
        return mistakes;
    }

    // A block with those that continue it.
    private static List<List<Block>> Chains(IEnumerable<Block> blocks)
    {
        var chains = new List<List<Block>>();
        foreach (var block in blocks)
        {
            if (block.Continues && chains.Count > 0 && chains[^1][^1].File == block.File)
                chains[^1].Add(block);
            else
                chains.Add([block]);
        }

        return chains;
    }

    private static string Entry(List<Block> chain, int port, string run)
    {
        var serves = chain[^1].Serves is { } s
            ? $"new({Literal(s.Send)}, {Literal(s.Expect)}, \"ws://127.0.0.1:{port}{s.Path}\")"
            : "null";
        var runs = chain.Any(block => block.OnlyCompiles) ? "null" : run;
        return $"    new(\"{chain[0].Where}\", {runs}, {serves}),\n";
    }

    private static string Literal(string text) => "@\"" + text.Replace("\"", "\"\"") + "\"";

    // In one file, with its lines where they are in the pages, for `bash -n`.
    private static void WriteShell(string folder, IEnumerable<Block> blocks)
    {
        foreach (var block in blocks)
        {
            var lines = Enumerable.Repeat("", block.Line - 1).Concat(block.Code);
            var file = Path.Combine(
                folder,
                "Shell",
                Path.GetFileName(block.File) + "-" + block.Line
            );
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllLines(file, lines);
        }
    }

    // What hasn't changed is left alone, and needs no compiling.
    private static void Replace(string folder, Dictionary<string, string> files)
    {
        foreach (var language in new[] { "CSharp", "FSharp", "Shell" })
        {
            Directory.CreateDirectory(Path.Combine(folder, language));
            foreach (var old in Directory.GetFiles(Path.Combine(folder, language)))
                if (!files.ContainsKey($"{language}/{Path.GetFileName(old)}"))
                    File.Delete(old);
        }

        foreach (var (name, text) in files)
        {
            var path = Path.Combine(folder, name);
            if (!File.Exists(path) || File.ReadAllText(path) != text)
                File.WriteAllText(path, text);
        }
    }

    private static string WithPorts(string code, int[] own) =>
        Port().Replace(code, port => $"{own[port.Value == "8765" ? 0 : 1]}");

    // In place of the 8765 and 8766 of the pages, so that servers of several blocks can run at once. Not of those that the system
    // gives to whoever asks for any: it may be minutes until they are used.
    private static List<int> FreePorts(int count)
    {
        var listeners = new List<TcpListener>();
        while (listeners.Count < count)
        {
            var listener = new TcpListener(IPAddress.Loopback, Random.Shared.Next(10_000, 32_768));
            try
            {
                listener.Start();
                listeners.Add(listener);
            }
            catch (SocketException)
            {
                // In use, by another one of these perhaps.
            }
        }

        var ports = listeners.ConvertAll(listener => ((IPEndPoint)listener.LocalEndpoint).Port);
        listeners.ForEach(listener => listener.Stop());
        return ports;
    }

    [GeneratedRegex(@"\b876[56]\b")]
    private static partial Regex Port();
}
