// What the documentation needs beside fsdocs; .ci/docs calls it in the root of the repository.
//
//   comments <assembly>…         fails when a public item has no summary
//   tables <assembly>…           fails when a table of the reference lacks a row
//   states [--write]             fails when the drawing of the states isn't what the code does; or draws it
//   tested <edges> [--write]     fails when the drawing of the steps that tests take isn't made of these, or one of them is none; or draws it
//   speed [--write]              fails when the drawing of the speed isn't what the page of the performance says; or draws it
//   snippets <folder>            makes projects of the code in the pages
//   stage <input> <configuration>  puts together what fsdocs reads
//   finish <output> <assembly>…  makes the site of what fsdocs wrote
//   signatures <output> <assembly>…  fails when a page of F#'s types lacks a declaration in C# or in F#
//   links <output>               fails when a link leads nowhere, or none but the menu's to a page

using FunctionalWs.Docs.Api;
using FunctionalWs.Docs.Site;
using FunctionalWs.Docs.Snippets;
using FunctionalWs.Docs.Speed;
using FunctionalWs.Docs.States;
using FunctionalWs.Exploration;

const string States = "docs/img/states.svg";
const string Speed = "docs/img/speed.svg";
const string Tested = "docs/img/states-tested.svg";

return args switch
{
    ["comments", .. var assemblies] => Report(
        Library.Load(assemblies).SelectMany(CommentCheck.Missing)
    ),
    ["tables", .. var assemblies] => Report(TableCheck.Missing(".", Library.Load(assemblies))),
    ["states", .. var how] => Drawn(
        States,
        StateDrawing.Draw(Graph.all()),
        "the code does",
        "states",
        how
    ),
    ["speed", .. var how] => Drawn(
        Speed,
        SpeedDrawing.Draw(),
        "docs/performance.md says",
        "speed",
        how
    ),
    ["tested", var edges, .. var how] => Report(TestedSteps.Unknown(edges))
        + Drawn(Tested, TestedSteps.Draw(edges), "the code does", $"tested {edges}", how),
    ["snippets", var folder] => Report(SnippetProject.Write(".", folder)),
    ["stage", var input, var configuration] => Do(() =>
        SiteFolder.Stage(".", input, configuration)
    ),
    ["finish", var output, .. var assemblies] => Report(
        SiteFolder.Finish(".", output, Library.Load(assemblies))
    ),
    ["signatures", var output, .. var assemblies] => Report(
        SignatureCheck.Missing(output, Library.Load(assemblies))
    ),
    ["links", var output] => Report(
        LinkCheck
            .InSite(output, Navigation.MayBeMissing)
            .Concat(LinkCheck.InMarkdown(".", Navigation.MayBeMissing))
            .Concat(ReachCheck.Missing(output))
    ),
    _ => Report([$"What is \"{string.Join(' ', args)}\"? See build/Docs/Program.cs."]),
};

// Draws, or tells whether that would change anything.
static int Drawn(string path, string drawing, string source, string command, string[] how)
{
    if (how is ["--write"])
        return Do(() => File.WriteAllText(path, drawing));
    return Report(
        File.Exists(path) && File.ReadAllText(path) == drawing
            ? []
            :
            [
                $"{path} is not what {source}; draw it with: dotnet run --project build/Docs {command} --write",
            ]
    );
}

static int Do(Action action)
{
    action();
    return 0;
}

static int Report(IEnumerable<string> mistakes)
{
    var count = 0;
    foreach (var mistake in mistakes)
    {
        Console.Error.WriteLine(mistake);
        count++;
    }

    return count == 0 ? 0 : 1;
}
