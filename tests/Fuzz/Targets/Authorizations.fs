/// What clients say of themselves: the header Authorization; and the header of a proxy, before the request.
module FunctionalWs.Fuzz.Targets.Authorizations

open System
open System.Text
open System.Text.RegularExpressions
open FunctionalWs.Fuzz
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests

// ---- Authorization: a value a line

let private shape =
    Regex(
        @"\A(?<scheme>[!#$%&'*+\-.^_`|~0-9A-Za-z]+)\x20+(?<token>[A-Za-z0-9\-._~+/]+=*)\z",
        RegexOptions.CultureInvariant
    )

let private tokenOf (scheme: string) (values: string list) : Result<string, AuthorizationError> =
    match values with
    | [] -> Error AuthorizationError.Missing
    | [ value ] ->
        let found = shape.Match value

        if found.Success && found.Groups["scheme"].Value.ToLowerInvariant() = scheme then
            Ok found.Groups["token"].Value
        else
            Error AuthorizationError.Unsupported
    | _ -> Error AuthorizationError.Repeated

let private credentialsOf (token: string) : Result<BasicCredentials, AuthorizationError> =
    try
        let text = UTF8Encoding(false, true).GetString(Convert.FromBase64String token)

        match text.Split(':', 2) with
        | [| name; password |] when not (Seq.exists Char.IsControl text) ->
            Ok { Username = name; Password = password }
        | _ -> Error AuthorizationError.Unsupported
    with
    | :? FormatException
    | :? DecoderFallbackException -> Error AuthorizationError.Unsupported

let private describe (result: Result<BasicCredentials, AuthorizationError>) =
    result |> Result.map (fun found -> found.Username, found.Password)

let private executeAuthorization (trail: Trail) (data: byte[]) =
    let values =
        (InputText.ofLatin1 data).Split '\n'
        |> List.ofArray
        |> List.filter HeaderSyntax.isValue
        |> List.map _.Trim(' ', '\t')

    let values = if data.Length = 0 then [] else List.truncate 3 values

    let headers =
        values
        |> List.fold (fun (headers: Headers) value -> headers.Add("authorization", value)) Headers.Empty

    let basic =
        Oracle.within (8_192L + 100L * int64 data.Length) (fun () -> Authorization.basic headers)

    let bearer = Authorization.bearer headers

    Oracle.agree
        "twin: basic"
        (tokenOf "basic" values |> Result.bind credentialsOf |> describe)
        (describe basic)

    Oracle.agree "twin: bearer" (tokenOf "bearer" values) bearer
    trail.Note(Oracle.tag basic)
    trail.Note(Oracle.tag bearer)

    match basic with
    | Ok found ->
        trail.NoteSize found.Username.Length
        trail.NoteSize found.Password.Length

        let isShown = $"{found}".Substring(found.Username.Length).Contains found.Password

        Oracle.holds "secret" (found.Password.Length < 4 || not isShown) (fun () ->
            "the text has the password")
    | Error error -> trail.Note(Oracle.tag error)

let private generateAuthorization (dice: Dice) : byte[] =
    let credentials =
        dice.Pick [| "user:pass"; ":"; "a:b:c"; "é:ü"; "nocolon"; "x:\u0007"; "" |]

    let token =
        if dice.OneIn 4 then
            Convert.ToBase64String(dice.Bytes(dice.Size 30))
        else
            Convert.ToBase64String(Encoding.UTF8.GetBytes credentials)

    let scheme =
        dice.Pick [| "Basic"; "basic"; "Bearer"; "BEARER"; "Digest"; "Negotiate" |]

    let blanks = String(' ', 1 + dice.Size 3)
    let further = if dice.OneIn 8 then "\nBearer a.b.c" else ""
    InputText.latin1 (scheme + blanks + token + further)

let authorization: Target = {
    Name = "authorization"
    About = "values of Authorization, a line each"
    Words =
        [|
            "Basic "
            "Bearer "
            "="
            "=="
            "dXNlcjpwYXNz"
            "a.b-c~d_e"
            "\n"
            "realm=\"x\""
        |]
        |> Array.map InputText.latin1
    MaxSize = 2_000
    Generate = generateAuthorization
    Mutate = fun dice data -> Mutations.one dice [||] (generateAuthorization dice) data
    Execute = executeAuthorization
}

// ---- The PROXY protocol

let private signature = "\r\n\r\n\000\r\nQUIT\n"B

let private parse (data: byte[]) = ProxyProtocol.parse (ReadOnlySpan data)

let private executeProxy (trail: Trail) (data: byte[]) =
    let whole = Oracle.within (4_096L + 64L * int64 data.Length) (fun () -> parse data)

    let dice = Dice.ofInput data

    for _ in 0..2 do
        let prefix = Array.truncate (dice.Below(data.Length + 1)) data

        match parse prefix, whole with
        | ProxyParse.Incomplete, _ -> ()
        | early, whole -> Oracle.agree "prefix" whole early

    trail.Note(Oracle.tag whole)

    match whole with
    | ProxyParse.Complete(header, consumed) ->
        Oracle.holds "consumed" (consumed <= min data.Length ProxyProtocol.MaxLength) (fun () ->
            $"{consumed}")

        Oracle.agree "what follows doesn't matter" whole (parse (Array.truncate consumed data))
        trail.Note(Oracle.tag header)
        trail.NoteSize consumed

        match header with
        | ProxyHeader.Proxied(source, _) -> trail.Note(int source.AddressFamily)
        | ProxyHeader.Own -> ()
    | ProxyParse.Incomplete ->
        Oracle.holds "waits" (data.Length < ProxyProtocol.MaxLength) (fun () -> "for ever")
    | ProxyParse.Malformed -> ()

let private lines = [|
    "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"
    "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n"
    "PROXY UNKNOWN\r\n"
    "PROXY UNKNOWN ffff::f ffff::1 65535 65535\r\n"
|]

let private generateProxy (dice: Dice) : byte[] =
    if dice.OneIn 2 then
        InputText.latin1 (dice.Pick lines + "GET / HTTP/1.1\r\n")
    else
        let size = dice.Pick [| 0; 12; 36; 216; dice.Size 5_000 |]

        Array.concat [
            signature
            [|
                dice.Pick [| 0x20uy; 0x21uy; 0x22uy; 0x11uy |]
                dice.Pick [| 0x11uy; 0x21uy; 0x31uy; 0uy; 0x12uy |]
            |]
            [| byte (size / 256); byte size |]
            dice.Bytes(min size 600)
        ]

let proxy: Target = {
    Name = "proxy-protocol"
    About = "the header of a proxy, version 1 or 2"
    Words = Array.append [| signature |] (lines |> Array.map InputText.latin1)
    MaxSize = 5_000
    Generate = generateProxy
    Mutate =
        fun dice data -> Mutations.one dice (lines |> Array.map InputText.latin1) (generateProxy dice) data
    Execute = executeProxy
}
