// Names of hosts.
namespace FunctionalWs.Routing

open System
open System.Globalization
open FunctionalWs.Protocol

module RouteHost =

    [<CompiledName("IsName")>]
    let isName (text: string) : bool =
        ArgumentNullException.ThrowIfNull(text, nameof text)

        Handshake.isHost text && not (text.StartsWith '.') && not (text.Contains "..")

    /// Where the port begins, with its colon; the length when there is none.
    let private portStart (host: string) : int =
        match host.IndexOf(':', host.IndexOf ']' + 1) with
        | -1 -> host.Length
        | at -> at

    let withoutPort (host: string) : string = host.Substring(0, portStart host)

    let port (host: string) : string = host.Substring(portStart host)

    let normalize (host: string) : string =
        let label (text: string) =
            if String.forall Char.IsAscii text then
                text.ToLowerInvariant()
            else
                // What is no name matches no host.
                try
                    IdnMapping().GetAscii text
                with :? ArgumentException ->
                    text

        host.Split '.' |> Array.map label |> String.concat "."

    let trySubdomain (host: string) (serverName: string) : string voption =
        let server = withoutPort (normalize serverName)
        let host = withoutPort host

        if host = server then
            ValueSome ""
        elif host.EndsWith("." + server, StringComparison.Ordinal) then
            ValueSome(host.Substring(0, host.Length - server.Length - 1))
        else
            ValueNone
