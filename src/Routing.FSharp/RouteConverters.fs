// The converters that every rule can use, and what a search knows of any. No regular expressions: each looks at the text once.
namespace FunctionalWs.Routing

open System
open System.Collections.Generic
open System.Globalization

/// How long a value's text is, and of which characters. Texts outside of this are none of the converter's.
[<NoComparison; NoEquality>]
type internal RouteRoom = {
    Least: int
    Most: int
    /// None for all characters.
    Takes: (char -> bool) voption
}

/// A converter from two functions.
type private FunctionConverter
    (
        weight: int,
        spansSegments: bool,
        valueType: Type,
        room: RouteRoom,
        parse: string -> obj voption,
        format: obj -> string voption
    ) =
    inherit RouteConverter()

    member _.Room = room
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

    open RouteArguments

    /// Text of a number that is longer is none: the longest that a double can need has 343 characters.
    let private maxDigits = 350

    let private invariant = CultureInfo.InvariantCulture

    let private toObject (value: 'a) : obj = nonNull (box value)

    let private acceptIf (accept: 'a -> bool) (value: 'a) =
        if accept value then ValueSome value else ValueNone

    /// The text of a value, the same in every culture.
    let plainText (value: obj) : string =
        match value with
        | :? string as text -> text
        | :? bool as flag -> if flag then "true" else "false"
        | :? IFormattable as value -> value.ToString(null, invariant)
        | other -> String.Concat other

    /// Text, or what stands for itself as text.
    let private textOf (value: obj) : string voption =
        match value with
        | :? string
        | :? IFormattable -> ValueSome(plainText value)
        | _ -> ValueNone

    /// One or more characters, whatever they are.
    let private anyText = {
        Least = 1
        Most = Int32.MaxValue
        Takes = ValueNone
    }

    let private ofText
        (weight: int)
        (spans: bool)
        (room: RouteRoom)
        (accept: string -> bool)
        : RouteConverter =
        FunctionConverter(
            weight,
            spans,
            typeof<string>,
            room,
            acceptIf accept >> ValueOption.map toObject,
            textOf >> ValueOption.bind (acceptIf accept)
        )

    /// ASCII digits, and nothing that the platform's parsers would take beside them.
    let private isDigits (text: string) =
        text <> "" && text.Length <= maxDigits && String.forall Char.IsAsciiDigit text

    let private unsigned (signed: bool) (text: string) =
        if signed && text.StartsWith '-' then
            text.Substring 1
        else
            text

    /// Digits, with a sign and a point at most.
    let private number = {
        Least = 1
        Most = maxDigits + 1
        Takes = ValueSome(fun character -> Char.IsAsciiDigit character || character = '-' || character = '.')
    }

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

        let padded = "D" + digits.ToString invariant

        let format (value: obj) =
            wholeNumber value
            |> ValueOption.bind (acceptIf isInRange)
            |> ValueOption.map (fun value -> value.ToString(padded, invariant))
            |> ValueOption.bind (acceptIf hasDigits)

        FunctionConverter(50, false, (boxed 0L).GetType(), number, parse, format) :> RouteConverter

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

        FunctionConverter(50, false, typeof<float>, number, parse, format)

    /// The platform's parser would take blanks around it, too.
    let private uuid: RouteConverter =
        let parse (text: string) =
            match Guid.TryParseExact(text, "D") with
            | true, value when text.Length = 36 -> ValueSome(toObject value)
            | _ -> ValueNone

        let format (value: obj) =
            match value with
            | :? Guid as value -> ValueSome(value.ToString())
            | _ -> ValueNone

        let room = {
            Least = 36
            Most = 36
            Takes = ValueNone
        }

        FunctionConverter(100, false, typeof<Guid>, room, parse, format)

    let private path =
        ofText 200 true anyText (fun text -> text <> "" && not (text.StartsWith '/'))

    let private text (takes: (char -> bool) voption) bound =
        let min, max =
            match size "length" -1 bound with
            | -1 -> size "minlength" 1 bound, size "maxlength" Int32.MaxValue bound
            | exact -> exact, exact

        if min > max then
            Error "a minlength up to maxlength"
        else
            let isTaken (text: string) =
                match takes with
                | ValueSome takes -> String.forall takes text
                | ValueNone -> true

            let room = {
                Least = Math.Max(1, min)
                Most = max
                Takes = takes
            }

            Ok(ofText 100 false room (fun text -> text.Length >= min && text.Length <= max && isTaken text))

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
            let lengths = items |> Set.map _.Length

            let room = {
                anyText with
                    Least = Math.Max(1, lengths.MinimumElement)
                    Most = lengths.MaximumElement
            }

            Ok(ofText 100 false room items.Contains)

    let private names = "string, alpha, any, path, int, long, float, double, uuid, guid"

    /// Who comes from elsewhere looks for it.
    let noRegex =
        "no regex (a converter of your own can match one: UrlMapOptions.Converters)"

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
        | _, "string" -> make lengths (text ValueNone)
        | _, "alpha" -> make lengths (text (ValueSome Char.IsAsciiLetter))
        | _, "any" -> anyOf given
        | _, "path" -> make [] (fun _ -> Ok path)
        | _, "int" -> make range (wholeOf toInt (int64 Int32.MinValue) (int64 Int32.MaxValue))
        | _, "long" -> make range (wholeOf toObject Int64.MinValue Int64.MaxValue)
        | _, "float" -> make decimals (doubleOf true)
        | _, "double" -> make decimals (doubleOf false)
        | _, ("uuid" | "guid") -> make [] (fun _ -> Ok uuid)
        | _, "regex" -> Error noRegex
        | _ ->
            let known = Seq.append [ names ] custom.Keys |> String.concat ", "
            Error("a converter, one of " + known + ",")

    /// The room of a converter's texts: a converter of a caller's says nothing of it.
    let room (converter: RouteConverter) : RouteRoom =
        match converter with
        | :? FunctionConverter as own -> own.Room
        | _ -> anyText

    /// What tells converters apart whose names are the same: a caller's may be another for each rule.
    let identity (converter: RouteConverter) : obj =
        match converter with
        | :? FunctionConverter -> "built in"
        | other -> other

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
