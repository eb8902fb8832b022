namespace FunctionalWs.Routing

open System
open System.Collections.Generic
open System.Diagnostics.CodeAnalysis
open System.Runtime.InteropServices

/// <summary>What is wrong with the text of a rule.</summary>
type RouteSyntaxError = {
    /// <summary>The rule.</summary>
    Rule: string
    /// <summary>Where, counted from 0.</summary>
    Position: int
    /// <summary>What was expected there.</summary>
    Expected: string
} with

    /// <summary>A sentence with the rule, the position and what was expected there.</summary>
    override ToString: unit -> string

/// A named part of a path.
[<NoComparison; ReferenceEquality>]
type internal Placeholder = {
    Name: string
    /// The converter with its arguments, as text: built-in ones with the same text take the same texts.
    Type: string
    Converter: RouteConverter
}

/// A value and the text behind it, up to the next value or the end of the segment.
[<NoComparison; ReferenceEquality>]
type internal SegmentValue = {
    Placeholder: Placeholder
    Behind: string
}

/// What lies between two slashes: text alone, where there are no values.
[<NoComparison; ReferenceEquality>]
type internal Segment = {
    Start: string
    Values: SegmentValue list
}

/// <summary>
/// The parsed text of a rule, such as <c>/channel/&lt;uuid:id&gt;</c> or <c>/channel/{id:guid}</c>. Immutable.
/// </summary>
[<Sealed; AllowNullLiteral(false); NoEquality; NoComparison>]
type RoutePattern =

    internal new: text: string * segments: Segment list -> RoutePattern

    /// <summary>Parses a rule.</summary>
    /// <param name="text">A rule in either notation; it begins with a slash.</param>
    [<CompiledName("Parse")>]
    static member parse: text: string -> Result<RoutePattern, RouteSyntaxError>

    /// <summary>Parses a rule that may use converters of the caller's.</summary>
    /// <param name="converters">Further converters by their names; they take no arguments.</param>
    /// <param name="text">A rule in either notation; it begins with a slash.</param>
    [<CompiledName("ParseWith")>]
    static member parseWith:
        converters: IReadOnlyDictionary<string, RouteConverter> ->
        text: string ->
            Result<RoutePattern, RouteSyntaxError>

    /// <summary>Parses the host of a rule, such as <c>&lt;name&gt;.example.com</c> or <c>example.com:8080</c>.</summary>
    /// <param name="converters">Further converters by their names; they take no arguments.</param>
    /// <param name="text">A host in either notation.</param>
    [<CompiledName("ParseHost")>]
    static member parseHost:
        converters: IReadOnlyDictionary<string, RouteConverter> ->
        text: string ->
            Result<RoutePattern, RouteSyntaxError>

    /// <summary>Parses a rule, as <c>Parse</c> does; false when it is none.</summary>
    /// <param name="text">A rule in either notation; it begins with a slash.</param>
    /// <param name="pattern">The rule; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    static member TryParse:
        text: string *
        [<Out; NotNullWhen(true)>] pattern: byref<RoutePattern | null> *
        [<Out>] error: byref<RouteSyntaxError> ->
            bool

    /// <summary>Parses a rule that may use converters of the caller's, as <c>ParseWith</c> does; false when it is none.</summary>
    /// <param name="converters">Further converters by their names; they take no arguments.</param>
    /// <param name="text">A rule in either notation; it begins with a slash.</param>
    /// <param name="pattern">The rule; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    static member TryParseWith:
        converters: IReadOnlyDictionary<string, RouteConverter> *
        text: string *
        [<Out; NotNullWhen(true)>] pattern: byref<RoutePattern | null> *
        [<Out>] error: byref<RouteSyntaxError> ->
            bool

    /// <summary>Parses the host of a rule, as <c>ParseHost</c> does; false when it is none.</summary>
    /// <param name="converters">Further converters by their names; they take no arguments.</param>
    /// <param name="text">A host in either notation.</param>
    /// <param name="pattern">The rule; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    static member TryParseHost:
        converters: IReadOnlyDictionary<string, RouteConverter> *
        text: string *
        [<Out; NotNullWhen(true)>] pattern: byref<RoutePattern | null> *
        [<Out>] error: byref<RouteSyntaxError> ->
            bool

    /// The parts between slashes, without the one before the first slash.
    member internal Segments: Segment list
    member internal Placeholders: Placeholder list

    /// <summary>The names of the values, in their order.</summary>
    member Names: IReadOnlyList<string>

    /// <summary>The types of the values, in their order.</summary>
    member ValueTypes: IReadOnlyList<Type>

    /// <summary>The text as it was written.</summary>
    override ToString: unit -> string
