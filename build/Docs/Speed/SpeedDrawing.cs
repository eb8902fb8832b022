using System.Globalization;
using System.Net;
using System.Text;

namespace FunctionalWs.Docs.Speed;

/// <summary>Draws the ratios of docs/performance.md to Kestrel, all of them: also where they are below one.</summary>
internal static class SpeedDrawing
{
    private sealed record Load(string Name, double Plain, double? Handler);

    // As a reader of the first page calls them. A load of the table that isn't here is shown by what the table says of it.
    private static readonly Dictionary<string, string> Names = new()
    {
        ["lat1"] = "1 connection",
        ["e125"] = "64 connections",
        ["p125"] = "… 16 in flight",
        ["k125"] = "1,000 connections",
        ["m64k"] = "64 KiB messages",
        ["m1m"] = "1 MiB messages",
        ["utf8"] = "1 KiB of UTF-8",
        ["conn"] = "open and close",
        ["fan"] = "broadcast",
        ["deflnc"] = "deflate",
    };

    private const string Page = "docs/performance.md";
    private const int Left = 130;
    private const int Row = 16;
    private const int Top = 22;
    private const int Width = 400;

    public static string Draw()
    {
        var loads = Read().ToList();
        var most = loads.Max(load => Math.Max(load.Plain, load.Handler ?? 0));
        var perUnit = (Width - Left - 76) / most;
        var bottom = Top + loads.Count * Row;
        var svg = new StringBuilder(
            $$"""
            <svg xmlns="http://www.w3.org/2000/svg" class="speed" viewBox="0 0 {{Width}} {{bottom
                + 4}}" role="img" aria-label="{{WebUtility.HtmlEncode(Words(loads))}}">
            <style>
            :root.speed { --link: #1d53c0; --handler: #7da4ec; --back: #fff; --soft: #566374; --text: #1c2530 }
            @media (prefers-color-scheme: dark) { :root.speed { --link: #7fadff; --handler: #4a74bd; --back: #12171e; --soft: #98a5b3; --text: #dce3ea } }
            .speed { font: 13px system-ui, sans-serif } .speed text { fill: var(--text) } .speed .soft { fill: var(--soft); font-size: 12px } .speed .value { paint-order: stroke; stroke: var(--back); stroke-width: 4px }
            .speed .plain { fill: var(--link) } .speed .handler { fill: var(--handler) } .speed line { stroke: var(--text); stroke-dasharray: 3 3 }
            </style>
            <text class="soft" x="{{At(1, perUnit)}}" y="12" text-anchor="middle">Kestrel = 1</text>
            <rect class="plain" x="30" y="3" width="10" height="10"/><text class="soft" x="44" y="12">foreach</text>
            <rect class="handler" x="222" y="3" width="10" height="10"/><text class="soft" x="236" y="12">message handler</text>

            """
        );
        // The line lies over the bars and under the figures.
        foreach (var (index, load) in loads.Index())
            svg.Append(Bars(load, Top + index * Row, perUnit));
        svg.Append(
            $"<line x1=\"{At(1, perUnit)}\" y1=\"17\" x2=\"{At(1, perUnit)}\" y2=\"{bottom}\"/>\n"
        );
        foreach (var (index, load) in loads.Index())
            svg.Append(Figures(load, Top + index * Row, perUnit));
        return svg.Append("</svg>\n").ToString();
    }

    // The longer one first, or it would hide the other.
    private static string Bars(Load load, int y, double perUnit)
    {
        (string Kind, double Length)[] bars =
            load.Handler is { } handler && handler > load.Plain
                ? [("handler", handler), ("plain", load.Plain)]
                : [("plain", load.Plain), ("handler", load.Handler ?? 0)];
        return string.Concat(
                bars.Where(bar => bar.Length > 0)
                    .Select(bar =>
                        $"<rect class=\"{bar.Kind}\" x=\"{Left}\" y=\"{y + 2}\" width=\"{Text(bar.Length * perUnit, "0.#")}\" height=\"{Row - 5}\"/>"
                    )
            ) + "\n";
    }

    private static string Figures(Load load, int y, double perUnit) =>
        $"<text x=\"{Left - 8}\" y=\"{y + 12}\" text-anchor=\"end\">{WebUtility.HtmlEncode(load.Name)}</text>"
        + $"<text class=\"soft value\" x=\"{At(Math.Max(load.Plain, load.Handler ?? 0), perUnit)}\" dx=\"5\" y=\"{y + 12}\">"
        + Text(load.Plain)
        + (load.Handler is { } handler ? $" · {Text(handler)}" : "")
        + "</text>\n";

    // For who can't see it: each figure that it shows.
    private static string Words(IEnumerable<Load> loads) =>
        "Messages per second of the server's processor time, as a multiple of Kestrel's. "
        + string.Join(
            "; ",
            loads.Select(load =>
                $"{load.Name.Replace("… ", "the same with ")}: {Text(load.Plain)}"
                + (load.Handler is { } handler ? $", a message handler {Text(handler)}" : "")
            )
        )
        + ".";

    // The rows of the first table that has a column "× Kestrel".
    private static IEnumerable<Load> Read()
    {
        var lines = File.ReadAllLines(Page);
        var head = Array.FindIndex(
            lines,
            line => line.StartsWith('|') && Cells(line).Contains("× Kestrel")
        );
        if (head < 0)
            throw new InvalidOperationException($"{Page}: no table has a column \"× Kestrel\"");
        var columns = Cells(lines[head]).ToList();
        foreach (var line in lines.Skip(head + 2).TakeWhile(line => line.StartsWith('|')))
        {
            var cells = Cells(line);
            if (Number(cells[columns.IndexOf("× Kestrel")]) is not { } plain)
                continue;
            var handler = columns.IndexOf("message handler, × Kestrel");
            yield return new Load(
                Names.GetValueOrDefault(cells[0], cells[1]),
                plain,
                handler < 0 ? null : Number(cells[handler])
            );
        }
    }

    private static string[] Cells(string line) =>
        [.. line.Trim('|').Split('|').Select(cell => cell.Trim())];

    private static double? Number(string cell) =>
        double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    private static string At(double value, double perUnit) => Text(Left + value * perUnit, "0.#");

    private static string Text(double value, string format = "0.0#") =>
        value.ToString(format, CultureInfo.InvariantCulture);
}
