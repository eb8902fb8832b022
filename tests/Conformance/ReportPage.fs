/// The results as one page that needs nothing else: a summary by section, each case with what went over the wire.
module FunctionalWs.Conformance.ReportPage

open System
open System.IO
open System.Net
open System.Reflection
open System.Text

let private escape (text: string) : string = WebUtility.HtmlEncode text

let private style () =
    use stream = Assembly.GetExecutingAssembly().GetManifestResourceStream "report.css"
    use reader = new StreamReader(stream)
    reader.ReadToEnd()

let private verdicts = [ Passed; NonStrict; Failed; Unimplemented ]

/// The order of what people look for first.
let private marked (verdict: Verdict) (count: int) =
    if count = 0 then
        "0"
    else
        $"""<b class="{Verdict.name verdict}">{count}</b>"""

let private isPrintable (value: byte) = value >= 32uy && value <= 126uy

/// Sixteen bytes a line, with the characters that they are.
let private dump (bytes: byte[]) (size: int) : string =
    let lines = [
        for line in Array.chunkBySize 16 bytes do
            let hex = line |> Array.map (fun value -> value.ToString "X2") |> String.concat " "

            let characters =
                line
                |> Array.map (fun value -> if isPrintable value then char value else '.')
                |> String

            $"{hex.PadRight 47}  {characters}"
    ]

    let rest =
        if size > bytes.Length then
            [ $"… {size - bytes.Length} more bytes" ]
        else
            []

    String.Join("\n", lines @ rest)

let private arrow (direction: Direction) =
    match direction with
    | Sent -> "&rarr; "
    | Received -> "&larr; "
    | Noted -> "&middot; "

let private wire (page: StringBuilder) (transcript: Transcript) =
    page.Append "<ol>" |> ignore

    for entry in transcript.Entries do
        page.Append(
            $"""<li>{arrow entry.Direction}{escape entry.Text} <span class="time">{entry.Time.TotalMilliseconds:F1} ms</span>"""
        )
        |> ignore

        if entry.Bytes.Length > 0 then
            page.Append($"<pre>{escape (dump entry.Bytes entry.Size)}</pre>") |> ignore

        page.Append "</li>" |> ignore

    if transcript.Left > 0 then
        page.Append $"<li>{transcript.Left} more</li>" |> ignore

    page.Append "</ol>" |> ignore

let private case (page: StringBuilder) (result: Suite.Result) =
    let name = Verdict.name result.Verdict
    let isOpen = if result.Verdict = Failed then " open" else ""

    page
        .Append(
            $"""<details id="c{result.Entry.Id}"{isOpen}><summary><span class="id">{result.Entry.Id}</span>"""
        )
        .Append(
            $"""<span class="what">{escape result.Entry.Case.Sentence}</span><span class="how {name}">{name}</span></summary>"""
        )
        .Append($"""<div class="inside"><dl><dt>Expected</dt><dd>{escape result.Entry.Case.Expected}</dd>""")
        .Append($"<dt>Happened</dt><dd>{escape result.Happened}</dd>")
        .Append($"<dt>Time</dt><dd>{result.Time.TotalMilliseconds:F1} ms</dd></dl>")
    |> ignore

    wire page result.Transcript
    page.Append "</div></details>\n" |> ignore

let private sectionNumber (results: Suite.Result list) = results.Head.Entry.Id.Split('.')[0]

let private summary (page: StringBuilder) (sections: (string * Suite.Result list) list) =
    page.Append """<div class="wide"><table><thead><tr><th>Section</th>""" |> ignore

    for verdict in verdicts do
        page.Append $"<th>{Verdict.name verdict}</th>" |> ignore

    page.Append "<th>seconds</th></tr></thead><tbody>" |> ignore

    for name, results in sections do
        let number = sectionNumber results

        page.Append $"""<tr><td><a href="#s{number}">{number} {escape name}</a></td>"""
        |> ignore

        for verdict in verdicts do
            page.Append $"<td>{marked verdict (Suite.count verdict results)}</td>" |> ignore

        page.Append $"<td>{(results |> List.sumBy _.Time.TotalSeconds):F1}</td></tr>"
        |> ignore

    page.Append "</tbody></table></div>" |> ignore

let private section (page: StringBuilder) (name: string, results: Suite.Result list) =
    let number = sectionNumber results
    page.Append $"""<h2 id="s{number}">{number} {escape name}</h2>""" |> ignore

    for group, results in results |> List.groupBy _.Entry.Group do
        page.Append $"<h3>{escape group}</h3>\n" |> ignore

        for result in results do
            case page result

/// The page for what was judged.
let write (subject: string) (results: Suite.Result list) : string =
    let page = StringBuilder()
    let sections = results |> List.groupBy _.Entry.Section

    page
        .Append(
            """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">"""
        )
        .Append(
            $"<title>WebSocket conformance of {escape subject}</title><style>{style ()}</style></head><body>"
        )
        .Append("<h1>WebSocket conformance</h1>")
        .Append($"""<p class="soft">{escape subject}: {results.Length} cases of RFC 6455 and RFC 7692</p>""")
        .Append("""<div class="totals">""")
    |> ignore

    for verdict in verdicts do
        let name = Verdict.name verdict

        page.Append $"""<div><b class="{name}">{Suite.count verdict results}</b>{name}</div>"""
        |> ignore

    page.Append "</div>" |> ignore
    summary page sections
    List.iter (section page) sections
    page.Append("</body></html>\n").ToString()
