// The text of a recording, both ways, as users call it. docs/flight-recorder.md describes it.
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

/// <summary>The text of recordings: one line of ASCII.</summary>
module RecordingText =

    /// <summary>Writes a recording as one line of ASCII, which <c>parse</c> reads back.</summary>
    /// <param name="recording">The recording.</param>
    [<CompiledName("Format")>]
    let format (recording: Recording) : string =
        ArgumentNullException.ThrowIfNull(recording, nameof recording)
        RecordingWriter.write recording

    /// <summary>
    /// Reads a recording's text. Total: any text is read or refused with a reason. Blanks and line breaks around it, or between
    /// its words, don't matter.
    /// </summary>
    /// <param name="text">The text.</param>
    [<CompiledName("Parse")>]
    let parse (text: string) : RecordingParse =
        ArgumentNullException.ThrowIfNull(text, nameof text)
        RecordingReader.read text

    /// <summary>Reads a recording's text that is known to be one.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="T:System.FormatException">It is none; the message says where and why.</exception>
    [<CompiledName("OfText")>]
    let ofText (text: string) : Recording =
        ArgumentNullException.ThrowIfNull(text, nameof text)

        match parse text with
        | RecordingParse.Complete recording -> recording
        | RecordingParse.Malformed(step, reason) ->
            raise (FormatException(Invariant $"No recording: {reason} (step {step})."))
