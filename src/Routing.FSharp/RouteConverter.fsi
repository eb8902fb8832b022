namespace FunctionalWs.Routing

open System
open System.Runtime.InteropServices

/// <summary>
/// Turns the text of a placeholder into a value, and back when a URL is built. Inherit from it for converters of your own;
/// the methods are called by many threads at once.
/// </summary>
[<AbstractClass; AllowNullLiteral(false)>]
type RouteConverter =

    /// <summary>For classes that inherit.</summary>
    new: unit -> RouteConverter

    /// <summary>Reads a value; false when the text is none, and then the next rule is tried.</summary>
    /// <param name="text">One or more characters, percent-decoded; with slashes only where the converter spans segments.</param>
    /// <param name="value">The value: not null when the text is one.</param>
    abstract TryParse: text: string * [<Out>] value: byref<obj | null> -> bool

    /// <summary>Writes a value as the text that <c>TryParse</c> reads it from; false when it is none of this converter.</summary>
    /// <param name="value">Any value.</param>
    /// <param name="text">The text, not percent-encoded.</param>
    abstract TryFormat: value: obj * [<Out>] text: byref<string | null> -> bool

    /// <summary>The type of the values; <c>object</c> by default.</summary>
    abstract ValueType: Type

    default ValueType: Type

    /// <summary>The smaller, the earlier the converter is tried; 100 by default, as for <c>string</c>.</summary>
    abstract Weight: int

    default Weight: int

    /// <summary>True when the text may have slashes, as for <c>path</c>; false by default.</summary>
    abstract SpansSegments: bool

    default SpansSegments: bool
