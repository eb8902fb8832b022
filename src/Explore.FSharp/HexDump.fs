// Bytes out of the dumps that people have.
namespace FunctionalWs.Explore

open System
open System.Text.RegularExpressions

/// <summary>
/// Bytes as people have them: plain hexadecimal digits, with or without blanks, commas, <c>0x</c> and <c>\x</c>; and the dumps of
/// <c>xxd</c>, <c>hexdump -C</c> and <c>tcpdump -X</c>.
/// </summary>
[<RequireQualifiedAccess>]
module HexDump =

    // "00000010: " of xxd, "0x0010:  " of tcpdump.
    let private offset =
        Regex(@"^\s*(?:0x)?[0-9a-fA-F]{4,8}:\s*", RegexOptions.CultureInvariant)

    // "00000010  " of hexdump, the last of them alone: in a dump with bars only, since four bytes look alike.
    let private bareOffset =
        Regex(@"^\s*[0-9a-fA-F]{8}(?:  |\s*$)", RegexOptions.CultureInvariant)

    let private bars =
        Regex(@"^\s*[0-9a-fA-F]{8}  .*\|.*\|\s*$", RegexOptions.CultureInvariant ||| RegexOptions.Multiline)

    // The column of characters: between bars, or after the bytes of a line and two blanks.
    let private characters =
        Regex(
            @"\s*\|.*$|(?<=^(?:[0-9a-fA-F]{2,4} )*[0-9a-fA-F]{2,4})  (?![0-9a-fA-F]{2} ).*$",
            RegexOptions.CultureInvariant
        )

    let private filler = Regex(@"0x|\\x|[\s,]", RegexOptions.CultureInvariant)

    let private digits (offset: Regex) (line: string) : string =
        let line = line.TrimEnd '\r'
        let bytes = offset.Replace(line, "")

        let bytes =
            if bytes.Length < line.Length then
                characters.Replace(bytes, "")
            else
                bytes

        filler.Replace(bytes, "")

    /// <summary>The bytes of a dump.</summary>
    /// <param name="text">The dump, of any number of lines.</param>
    /// <exception cref="T:System.FormatException">There is something else than hexadecimal bytes, or nothing.</exception>
    [<CompiledName("Parse")>]
    let parse (text: string) : byte[] =
        ArgumentNullException.ThrowIfNull(text, nameof text)

        let offset = if bars.IsMatch text then bareOffset else offset
        let digits = text.Split '\n' |> Array.map (digits offset) |> String.concat ""

        if digits = "" then
            raise (FormatException "There are no bytes in this text.")

        try
            Convert.FromHexString digits
        with :? FormatException as error ->
            raise (FormatException("These are no bytes in hexadecimal.", error))
