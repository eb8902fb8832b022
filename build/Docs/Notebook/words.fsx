// Values of the protocol are shown in their words, on one line, and not as trees of their fields.
for kind in typeof<FunctionalWs.Protocol.CloseStatus>.Assembly.GetExportedTypes() do
    if not kind.ContainsGenericParameters then
        Microsoft.DotNet.Interactive.Formatting.Formatter.Register(
            kind,
            System.Action<obj, System.IO.TextWriter>(fun value writer ->
                writer.Write(System.Net.WebUtility.HtmlEncode(string value))),
            "text/html"
        )
