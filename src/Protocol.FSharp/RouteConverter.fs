// Converters of routes: the text of a placeholder to a typed value and back. No regular expressions: each looks at the
// text once.
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic
open System.Globalization
open System.Runtime.InteropServices

/// <summary>
/// Turns the text of a placeholder into a value, and back when a URL is built. Inherit from it for converters of your own;
/// the methods are called by many threads at once.
/// </summary>
[<AbstractClass; AllowNullLiteral(false)>]
type RouteConverter() =

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

    default _.ValueType = typeof<obj>

    /// <summary>The smaller, the earlier the converter is tried; 100 by default, as for <c>string</c>.</summary>
    abstract Weight: int

    default _.Weight = 100

    /// <summary>True when the text may have slashes, as for <c>path</c>; false by default.</summary>
    abstract SpansSegments: bool

    default _.SpansSegments = false

/// One argument of a converter, as written in a rule; the key is empty where only a value was written.
type internal RouteArgument = { Key: string; Value: string }

/// A converter from two functions.
type private FunctionConverter
    (
        weight: int,
        spansSegments: bool,
        valueType: Type,
        parse: string -> obj voption,
        format: obj -> string voption
    ) =
    inherit RouteConverter()

    override _.Weight = weight
    override _.SpansSegments = spansSegments
    override _.ValueType = valueType

    override _.TryParse(text, value) =
        match parse text with
        | ValueSome found ->
            value <- found
            true
        | ValueNone -> false

    override _.TryFormat(value, text) =
        match format value with
        | ValueSome found ->
            text <- found
            true
        | ValueNone -> false

/// The converters that every rule can use.
module internal RouteConverters =

    /// Text of a number that is longer is none: the longest that a double can need has 343 characters.
    let private maxDigits = 350

    let private invariant = CultureInfo.InvariantCulture

    let private toObject (value: 'a) : obj = nonNull (box value)

    let private acceptIf (accept: 'a -> bool) (value: 'a) =
        if accept value then ValueSome value else ValueNone

    /// Text, or something that has one text in every culture.
    let private plainText (value: obj) : string voption =
        match value with
        | :? string as text -> ValueSome text
        | :? IFormattable as value -> ValueSome(value.ToString(null, invariant))
        | _ -> ValueNone

    let private ofText (weight: int) (spans: bool) (accept: string -> bool) : RouteConverter =
        FunctionConverter(
            weight,
            spans,
            typeof<string>,
            acceptIf accept >> ValueOption.map toObject,
            plainText >> ValueOption.bind (acceptIf accept)
        )

    /// ASCII digits, and nothing that the platform's parsers would take beside them.
    let private isDigits (text: string) =
        text <> "" && text.Length <= maxDigits && String.forall Char.IsAsciiDigit text

    let private unsigned (signed: bool) (text: string) =
        if signed && text.StartsWith '-' then
            text.Substring 1
        else
            text

    let private wholeNumber (value: obj) : int64 voption =
        match Type.GetTypeCode(value.GetType()) with
        | code when code >= TypeCode.SByte && code <= TypeCode.Int64 ->
            ValueSome(Convert.ToInt64(value, invariant))
        | _ -> ValueNone

    let private ofWhole (boxed: int64 -> obj) (min: int64) (max: int64) (digits: int) (signed: bool) =
        let isInRange value =
            value >= min && value <= max && (signed || value >= 0L)

        let hasDigits (text: string) =
            digits = 0 || (unsigned true text).Length = digits

        let parse (text: string) =
            if isDigits (unsigned signed text) && hasDigits text then
                match Int64.TryParse(text, NumberStyles.AllowLeadingSign, invariant) with
                | true, value when isInRange value -> ValueSome(boxed value)
                | _ -> ValueNone
            else
                ValueNone

        let format (value: obj) =
            wholeNumber value
            |> ValueOption.bind (acceptIf isInRange)
            |> ValueOption.map (fun value -> value.ToString($"D{digits}", invariant))
            |> ValueOption.bind (acceptIf hasDigits)

        FunctionConverter(50, false, (boxed 0L).GetType(), parse, format) :> RouteConverter

    let private isDecimal (pointRequired: bool) (text: string) =
        match text.IndexOf '.' with
        | -1 -> not pointRequired && isDigits text
        | point ->
            text.Length <= maxDigits
            && isDigits (text.Substring(0, point))
            && isDigits (text.Substring(point + 1))

    /// The shortest text that reads back as the value, with a point and without an exponent.
    let private formatDouble (value: float) : string =
        let sign = if Double.IsNegative value then "-" else ""
        let shortest = (Math.Abs value).ToString("R", invariant)

        let mantissa, exponent =
            match shortest.IndexOf 'E' with
            | -1 -> shortest, 0
            | at -> shortest.Substring(0, at), Int32.Parse(shortest.Substring(at + 1), invariant)

        let point =
            if mantissa.Contains '.' then
                mantissa.IndexOf '.'
            else
                mantissa.Length

        let digits = mantissa.Replace(".", "")
        let point = point + exponent // in digits from their start

        let before =
            if point <= 0 then
                "0"
            else
                digits.PadRight(point, '0').Substring(0, point)

        let after =
            if point <= 0 then
                String('0', -point) + digits
            else
                digits.Substring(Math.Min(point, digits.Length))

        sign + before + "." + (if after = "" then "0" else after)

    let private ofDouble (pointRequired: bool) (min: float) (max: float) (signed: bool) : RouteConverter =
        let isInRange value =
            Double.IsFinite value
            && value >= min
            && value <= max
            && (signed || not (Double.IsNegative value))

        let parse (text: string) =
            if isDecimal pointRequired (unsigned signed text) then
                Double.Parse(text, NumberStyles.Float, invariant)
                |> acceptIf isInRange
                |> ValueOption.map toObject
            else
                ValueNone

        let format (value: obj) =
            match value with
            | :? float as value -> ValueSome value
            | :? float32 as value -> ValueSome(float value)
            | other -> wholeNumber other |> ValueOption.map float
            |> ValueOption.bind (acceptIf isInRange)
            |> ValueOption.map formatDouble

        FunctionConverter(50, false, typeof<float>, parse, format)

    /// The platform's parser would take blanks around it, too.
    let private uuid: RouteConverter =
        let parse (text: string) =
            match Guid.TryParseExact(text, "D") with
            | true, value when text.Length = 36 -> ValueSome(toObject value)
            | _ -> ValueNone

        let format (value: obj) =
            match value with
            | :? Guid as value -> ValueSome(value.ToString "D")
            | _ -> ValueNone

        FunctionConverter(100, false, typeof<Guid>, parse, format)

    let private path =
        ofText 200 true (fun text -> text <> "" && not (text.StartsWith '/'))

    /// What an argument may be.
    type private Kind =
        | Size
        | Whole
        | Decimal
        | Flag

    let private isOf (kind: Kind) (value: string) =
        match kind with
        | Size -> fst (UInt16.TryParse(value, NumberStyles.None, invariant))
        | Whole -> fst (Int64.TryParse(value, NumberStyles.AllowLeadingSign, invariant))
        | Decimal ->
            let isNumber, number = Double.TryParse(value, NumberStyles.Float, invariant)
            isNumber && Double.IsFinite number
        | Flag -> fst (Boolean.TryParse value)

    let private kindName (kind: Kind) =
        match kind with
        | Size -> "a number from 0 to 65535"
        | Whole -> "a whole number"
        | Decimal -> "a number"
        | Flag -> "True or False"

    /// Gives each argument its name, and checks that its value can be read.
    let private bind
        (accepted: (string * Kind) list)
        (given: RouteArgument list)
        : Result<Map<string, string>, string> =
        let names = accepted |> List.map fst |> String.concat ", "

        let add bound (index, argument) =
            let key =
                if argument.Key <> "" then argument.Key
                elif index < accepted.Length then fst accepted[index]
                else ""

            match bound, List.tryFind (fst >> (=) key) accepted with
            | Error error, _ -> Error error
            | Ok _, None when names = "" -> Error "no arguments"
            | Ok _, None -> Error $"no other arguments than {names}"
            | Ok bound, _ when Map.containsKey key bound -> Error $"the argument {key} only once"
            | Ok _, Some(_, kind) when not (isOf kind argument.Value) ->
                Error $"{kindName kind} for {key}, not '{argument.Value}',"
            | Ok bound, Some _ -> Ok(Map.add key argument.Value bound)

        given |> List.indexed |> List.fold add (Ok Map.empty)

    let private valueOf (read: string -> 'a) (key: string) (missing: 'a) (bound: Map<string, string>) : 'a =
        bound |> Map.tryFind key |> Option.map read |> Option.defaultValue missing

    let private whole = valueOf (fun text -> Int64.Parse(text, invariant))
    let private decimal = valueOf (fun text -> Double.Parse(text, invariant))
    let private size = valueOf (fun text -> Int32.Parse(text, invariant))
    let private flag = valueOf Boolean.Parse

    let private text (accept: string -> bool) bound =
        let min, max =
            match size "length" -1 bound with
            | -1 -> size "minlength" 1 bound, size "maxlength" Int32.MaxValue bound
            | exact -> exact, exact

        if min > max then
            Error "a minlength up to maxlength"
        else
            Ok(ofText 100 false (fun text -> text.Length >= min && text.Length <= max && accept text))

    let private ordered (min: 'a) (max: 'a) (converter: unit -> RouteConverter) =
        if min > max then
            Error "a min up to max"
        else
            Ok(converter ())

    let private wholeOf boxed (lowest: int64) (highest: int64) bound =
        let min = Math.Max(lowest, whole "min" lowest bound)
        let max = Math.Min(highest, whole "max" highest bound)
        let digits, signed = size "fixed_digits" 0 bound, flag "signed" false bound
        ordered min max (fun () -> ofWhole boxed min max digits signed)

    let private doubleOf pointRequired bound =
        let min = decimal "min" Double.MinValue bound
        let max = decimal "max" Double.MaxValue bound
        ordered min max (fun () -> ofDouble pointRequired min max (flag "signed" false bound))

    let private lengths = [ "minlength", Size; "maxlength", Size; "length", Size ]
    let private range = [ "fixed_digits", Size; "min", Whole; "max", Whole; "signed", Flag ]
    let private decimals = [ "min", Decimal; "max", Decimal; "signed", Flag ]

    let private anyOf (given: RouteArgument list) =
        let items = given |> List.map _.Value |> set

        if items.IsEmpty || List.exists (fun argument -> argument.Key <> "") given then
            Error "the words that are allowed"
        else
            Ok(ofText 100 false items.Contains)

    let private names = "string, alpha, any, path, int, long, float, double, uuid, guid"

    /// A converter by its name; an error says what was expected.
    let create
        (custom: IReadOnlyDictionary<string, RouteConverter>)
        (name: string)
        (given: RouteArgument list)
        : Result<RouteConverter, string> =
        let make accepted build =
            bind accepted given |> Result.bind build

        let toInt value = toObject (int value)

        match custom.TryGetValue name, name with
        | (true, converter), _ -> make [] (fun _ -> Ok converter)
        | _, "string" -> make lengths (text (fun _ -> true))
        | _, "alpha" -> make lengths (text (String.forall Char.IsAsciiLetter))
        | _, "any" -> anyOf given
        | _, "path" -> make [] (fun _ -> Ok path)
        | _, "int" -> make range (wholeOf toInt (int64 Int32.MinValue) (int64 Int32.MaxValue))
        | _, "long" -> make range (wholeOf toObject Int64.MinValue Int64.MaxValue)
        | _, "float" -> make decimals (doubleOf true)
        | _, "double" -> make decimals (doubleOf false)
        | _, ("uuid" | "guid") -> make [] (fun _ -> Ok uuid)
        | _ ->
            let known = Seq.append [ names ] custom.Keys |> String.concat ", "
            Error $"a converter, one of {known},"

    /// The value of a text; none when there is none. No placeholder is empty.
    let tryParse (converter: RouteConverter) (text: string) : obj voption =
        let mutable value: obj | null = null

        if text <> "" && converter.TryParse(text, &value) then
            ValueOption.ofObj value
        else
            ValueNone

    /// The text of a value; none when there is none.
    let tryFormat (converter: RouteConverter) (value: obj) : string voption =
        let mutable text: string | null = null

        if converter.TryFormat(value, &text) then
            ValueOption.ofObj text
        else
            ValueNone
