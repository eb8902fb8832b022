// Steps, states and reactions in words, one line each, for people and for comparing.
namespace FunctionalWs.Protocol

/// <summary>Replays in words.</summary>
module ReplayText =

    /// <summary>A state in words, such as <c>Open, sending text</c>.</summary>
    /// <param name="state">The state.</param>
    [<CompiledName("OfState")>]
    val ofState: state: State -> string

    /// <summary>A frame's header in words, such as <c>Text, 5 bytes, not final</c>.</summary>
    /// <param name="header">The header.</param>
    [<CompiledName("OfHeader")>]
    val ofHeader: header: inref<FrameHeader> -> string

    /// <summary>What happened, in words: <c>&lt;</c> came from the peer, <c>&gt;</c> was sent.</summary>
    /// <param name="what">What happened.</param>
    [<CompiledName("OfRecorded")>]
    val ofRecorded: what: Recorded -> string

    /// <summary>What a step led to, in words: the state, what the application is told, what is written, and the half-close.</summary>
    /// <param name="transition">What it led to.</param>
    [<CompiledName("OfTransition")>]
    val ofTransition: transition: Transition -> string

    /// <summary>A replay, a line for each step: what happened, and what it led to.</summary>
    /// <param name="replay">The replay.</param>
    [<CompiledName("Lines")>]
    val lines: replay: Replay -> string[]

    /// <summary>
    /// What is different from what was recorded, three lines for each such step: the step, what it led to then, and what it leads to now.
    /// Nothing when all is as it was.
    /// </summary>
    /// <param name="replay">The replay.</param>
    [<CompiledName("Differences")>]
    val differences: replay: Replay -> string[]
