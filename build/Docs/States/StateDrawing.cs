using System.Net;
using System.Text;
using FunctionalWs.Explore;

namespace FunctionalWs.Docs.States;

/// <summary>
/// Draws the steps that were found. Where boxes, lines and labels lie is written here; what the lines are and what the labels say
/// is not. A step that has no line here, and a line that no step takes, are mistakes.
/// </summary>
internal static class StateDrawing
{
    private static readonly (string Name, int X, int Y)[] Boxes =
    [
        ("Open", 150, 250),
        ("CloseSent", 480, 110),
        ("Draining", 480, 390),
        ("Closed", 830, 250),
    ];

    // The line, and where its label begins: x, y, anchor.
    private static readonly Dictionary<
        (string From, string To),
        (string Path, int X, int Y, string Anchor)
    > Lines = new()
    {
        [("Open", "Open")] = ("M130 226 C105 160, 195 160, 170 226", 150, 165, "middle"),
        [("Open", "CloseSent")] = ("M195 226 L408 122", 338, 190, "start"),
        [("Open", "Draining")] = ("M195 274 L408 378", 300, 392, "end"),
        [("Open", "Closed")] = ("M110 274 C110 590, 830 590, 830 282", 480, 534, "middle"),
        [("CloseSent", "CloseSent")] = ("M460 86 C440 30, 520 30, 500 86", 525, 52, "start"),
        [("CloseSent", "Draining")] = ("M480 134 L480 358", 492, 238, "start"),
        [("CloseSent", "Closed")] = ("M550 122 L768 222", 672, 160, "start"),
        [("Draining", "Draining")] = ("M460 414 C440 470, 520 470, 500 414", 525, 446, "start"),
        [("Draining", "Closed")] = ("M550 378 L768 278", 672, 348, "start"),
        [("Closed", "Closed")] = ("M810 226 C790 160, 870 160, 850 226", 830, 165, "middle"),
    };

    private const int LineHeight = 17;

    /// <param name="graph">The steps that there are.</param>
    /// <param name="taken">If given, each label tells how many of its steps are among these.</param>
    public static string Draw(StateGraph graph, IReadOnlySet<string>? taken = null)
    {
        // A refused command is in no group: it is no step.
        var edges = graph
            .Groups.GroupBy(group => (group.From, group.To))
            .ToDictionary(group => group.Key, group => group.ToList());
        foreach (var edge in edges.Keys.Except(Lines.Keys))
            throw new InvalidOperationException(
                $"The code has a step from {edge.From} to {edge.To}; the drawing has no line for it."
            );
        foreach (var edge in Lines.Keys.Except(edges.Keys))
            throw new InvalidOperationException(
                $"The drawing has a line from {edge.From} to {edge.To}; the code has no such step."
            );

        var marker = taken is null ? "head" : "head-of-tested"; // both drawings stand on one page
        var svg = new StringBuilder(
            $$"""
            <svg xmlns="http://www.w3.org/2000/svg" class="states" viewBox="-45 40 980 520" role="img" aria-label="The states of a connection and the steps between them">
            <style>
            :root.states { --panel: #f5f7fa; --link: #1d53c0; --soft: #566374; --text: #1c2530 }
            @media (prefers-color-scheme: dark) { :root.states { --panel: #1a212a; --link: #7fadff; --soft: #98a5b3; --text: #dce3ea } }
            .states { font: 14px system-ui, sans-serif } .states text { fill: var(--text) } .states .name { font-weight: 650; font-size: 16px }
            .states .box { fill: var(--panel); stroke: var(--link); stroke-width: 1.6 }
            .states .edge { fill: none; stroke: var(--soft); stroke-width: 1.5 } .states .head { fill: var(--soft) }
            .states .missed { stroke: #d33; stroke-dasharray: 6 4 }
            </style>
            <defs><marker id="{{marker}}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="head" d="M0 0 L10 5 L0 10 z"/></marker></defs>

            """
        );
        foreach (var (edge, groups) in edges.OrderBy(edge => edge.Key))
            svg.Append(
                Line(
                    Lines[edge],
                    Label(groups, taken),
                    groups.All(group => IsTaken(group.Edges, taken)),
                    marker
                )
            );
        foreach (var (name, x, y) in Boxes)
            svg.Append(
                $"<rect class=\"box\" x=\"{x - 70}\" y=\"{y - 24}\" width=\"140\" height=\"48\" rx=\"10\"/>"
                    + $"<text class=\"name\" x=\"{x}\" y=\"{y + 6}\" text-anchor=\"middle\">{name}</text>\n"
            );
        if (taken is not null)
            svg.Append(Summary(graph.Edges, taken));
        return svg.Append("</svg>\n").ToString();
    }

    private static bool IsTaken(IEnumerable<StateEdge> steps, IReadOnlySet<string>? taken) =>
        taken is null || steps.All(step => taken.Contains(step.ToString()));

    private static string Counted(IReadOnlyList<StateEdge> steps, IReadOnlySet<string> taken) =>
        $"{steps.Count(step => taken.Contains(step.ToString()))}/{steps.Count}";

    private static string Summary(IReadOnlyList<StateEdge> all, IReadOnlySet<string> taken)
    {
        var refused = all.Where(edge => edge.Refusal != "").ToList();
        return $"<text x=\"-35\" y=\"64\">{Counted(all, taken)} steps taken</text>\n"
            + $"<text x=\"-35\" y=\"{64 + LineHeight}\">{Counted(refused, taken)} refusals of commands among them</text>\n";
    }

    private static string Line(
        (string Path, int X, int Y, string Anchor) line,
        IReadOnlyList<string> label,
        bool isTaken,
        string marker
    )
    {
        var kind = isTaken ? "edge" : "edge missed";
        var svg = new StringBuilder(
            $"<path class=\"{kind}\" d=\"{line.Path}\" marker-end=\"url(#{marker})\"/>\n"
        );
        for (var i = 0; i < label.Count; i++)
        {
            // Several lines grow upwards, away from what is drawn below them.
            var y = line.Y - (label.Count - 1 - i) * LineHeight;
            svg.Append(
                $"<text x=\"{line.X}\" y=\"{y}\" text-anchor=\"{line.Anchor}\">{WebUtility.HtmlEncode(label[i])}</text>\n"
            );
        }

        return svg.ToString();
    }

    private static List<string> Label(List<EdgeGroup> groups, IReadOnlySet<string>? taken) =>
        [
            .. groups.Select(group =>
                taken is null ? group.Label : $"{group.Label} {Counted(group.Edges, taken)}"
            ),
        ];
}
