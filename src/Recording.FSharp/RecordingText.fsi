// The text of a recording, both ways, as users call it. docs/flight-recorder.md describes it.
namespace FunctionalWs.Protocol

/// <summary>The text of recordings: one line of ASCII.</summary>
module RecordingText =

    /// <summary>Writes a recording as one line of ASCII, which <c>parse</c> reads back.</summary>
    /// <param name="recording">The recording.</param>
    [<CompiledName("Format")>]
    val format: recording: Recording -> string

    /// <summary>
    /// Reads a recording's text. Total: any text is read or refused with a reason. Blanks and line breaks around it, or between
    /// its words, don't matter.
    /// </summary>
    /// <param name="text">The text.</param>
    [<CompiledName("Parse")>]
    val parse: text: string -> RecordingParse

    /// <summary>Reads a recording's text that is known to be one.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="T:System.FormatException">It is none; the message says where and why.</exception>
    [<CompiledName("OfText")>]
    val ofText: text: string -> Recording
