// Network addresses as text, read strictly: the platform's parser takes "1", "0x7f.1" and more for addresses.
namespace FunctionalWs.Protocol

open System
open System.Globalization
open System.Net
open System.Net.Sockets

module internal AddressText =

    /// A decimal number without signs, blanks and needless zeros, up to a limit.
    let tryNumber (max: int) (text: string) : int voption =
        let isPlain =
            text.Length > 0
            && text.Length <= 5
            && (text.Length = 1 || text[0] <> '0')
            && Seq.forall Char.IsAsciiDigit text

        if not isPlain then
            ValueNone
        else
            match Int32.Parse(text, CultureInfo.InvariantCulture) with
            | number when number <= max -> ValueSome number
            | _ -> ValueNone

    let tryPort (text: string) : int voption = tryNumber IPEndPoint.MaxPort text

    let private isIPv4Text (text: string) =
        let parts = text.Split '.'

        text.Length <= 15
        && parts.Length = 4
        && parts |> Array.forall (fun part -> (tryNumber 255 part).IsSome)

    /// Without brackets and without a scope.
    let private isIPv6Text (text: string) =
        text.Length <= 45
        && text.Contains ':'
        && text
           |> Seq.forall (fun character ->
               Char.IsAsciiHexDigit character || character = ':' || character = '.')

    let private tryParse (family: AddressFamily) (text: string) : IPAddress voption =
        match IPAddress.TryParse text with
        | true, (NonNull address) when address.AddressFamily = family -> ValueSome address
        | _ -> ValueNone

    /// Four decimal numbers with dots between them.
    let tryIPv4 (text: string) : IPAddress voption =
        if isIPv4Text text then
            tryParse AddressFamily.InterNetwork text
        else
            ValueNone

    /// Hexadecimal groups with colons between them, in any of their short forms (RFC 4291 §2.2).
    let tryIPv6 (text: string) : IPAddress voption =
        if isIPv6Text text then
            tryParse AddressFamily.InterNetworkV6 text
        else
            ValueNone
