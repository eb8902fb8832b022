// The text of a recording, both ways, as users call it. docs/flight-recorder.md describes it.
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

module RecordingText =

    [<CompiledName("Format")>]
    let format (recording: Recording) : string =
        ArgumentNullException.ThrowIfNull(recording, nameof recording)
        RecordingWriter.write recording

    [<CompiledName("Parse")>]
    let parse (text: string) : RecordingParse =
        ArgumentNullException.ThrowIfNull(text, nameof text)
        RecordingReader.read text

    [<CompiledName("OfText")>]
    let ofText (text: string) : Recording =
        ArgumentNullException.ThrowIfNull(text, nameof text)

        match parse text with
        | RecordingParse.Complete recording -> recording
        | RecordingParse.Malformed(step, reason) ->
            raise (FormatException(Invariant $"No recording: {reason} (step {step})."))
