// Validity of UTF-8 that arrives in pieces cut anywhere (RFC 3629; RFC 6455 §8.1).
namespace FunctionalWs.Protocol

open System

/// <summary>
/// What is still owed to a character whose first bytes have arrived. The default value owes nothing: the text so far
/// is complete (RFC 3629 §4).
/// </summary>
[<Struct; StructuredFormatDisplay("{Text}")>]
type Utf8State =

    internal new: owed: byte * low: byte * high: byte -> Utf8State

    /// <summary>True when the text may end here.</summary>
    member IsComplete: bool

    /// <summary>How many bytes of an unfinished character are still to come: 0 to 3.</summary>
    member MissingBytes: int

    /// <summary>What is owed, in words.</summary>
    override ToString: unit -> string

    member private Text: string

/// <summary>The answer of the validator.</summary>
[<Struct; RequireQualifiedAccess>]
type Utf8Result =
    /// <summary>No byte so far is wrong; the state goes with the next piece.</summary>
    | Valid of State: Utf8State
    /// <summary>No text can have this byte here. The position counts from the start of the piece.</summary>
    | Invalid of Position: int

/// <summary>Incremental validation of UTF-8 (RFC 3629, RFC 6455 §8.1).</summary>
module Utf8 =

    /// <summary>The state before the first byte of a text.</summary>
    [<CompiledName("Start")>]
    val start: Utf8State

    /// <summary>Continues a text with its next piece; fails at the first byte that can't stand in UTF-8.</summary>
    /// <param name="state">The state after the pieces before.</param>
    /// <param name="data">The next piece, cut anywhere; may be empty.</param>
    [<CompiledName("Validate")>]
    val validate: state: Utf8State -> data: ReadOnlySpan<byte> -> Utf8Result

    /// True for a text that is whole and valid.
    val internal isText: data: ReadOnlySpan<byte> -> bool

type Utf8State with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: Utf8State * right: Utf8State -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: Utf8State * right: Utf8State -> bool

type Utf8Result with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: Utf8Result * right: Utf8Result -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: Utf8Result * right: Utf8Result -> bool
