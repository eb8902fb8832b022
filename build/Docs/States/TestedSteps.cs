using FunctionalWs.Exploration;

namespace FunctionalWs.Docs.States;

/// <summary>The steps that the ordinary tests take, as a run of them has written them down, a line for each.</summary>
internal static class TestedSteps
{
    // Mistakes that a reader tells before there is a frame: a frame that was made by hand has them in other states, too. And a message
    // that was made by hand may be binary with half a character.
    private static readonly string[] byHand =
    [
        "ControlFrameTooLong",
        "ControlFrameFragmented",
        "ReservedBits",
        "(in binary): TextNotUtf8",
    ];

    private static HashSet<string> Read(string path) => [.. File.ReadLines(path)];

    /// <summary>The steps that the exploration doesn't know: its alphabet lacks something.</summary>
    public static IEnumerable<string> Unknown(string path) =>
        Read(path)
            .Except(Graph.all().Edges.Select(edge => edge.ToString()))
            .Where(edge => !Array.Exists(byHand, edge.Contains))
            .Select(edge => $"A test takes a step that the exploration doesn't: {edge}");

    public static string Draw(string path)
    {
        var taken = Read(path);
        foreach (var edge in Graph.all().Edges.Where(edge => !taken.Contains(edge.ToString())))
            Console.WriteLine($"No ordinary test takes this step: {edge}");
        return StateDrawing.Draw(Graph.all(), taken);
    }
}
