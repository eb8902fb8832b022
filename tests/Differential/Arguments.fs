namespace FunctionalWs.Differential

open System
open System.Globalization

/// What a run is asked for.
type Arguments = {
    Streams: int
    Seed: uint64
    Peers: string list
    /// Streams to play alone, telling everything.
    Only: uint64 list
}

module Arguments =

    let usage =
        "usage: run [--streams 2000] [--seed 1] [--peers kestrel,ws,websockets]\n"
        + "       run --stream ID [--peers …]   sends one stream, and tells what everybody made of it"

    let peers = [ "kestrel"; "ws"; "websockets" ]

    let private defaults = {
        Streams = 2_000
        Seed = 1UL
        Peers = peers
        Only = []
    }

    let private (|Number|_|) (text: string) : uint64 option =
        match UInt64.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, number -> Some number
        | false, _ -> None

    let private (|Hex|_|) (text: string) : uint64 option =
        match UInt64.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) with
        | true, number -> Some number
        | false, _ -> None

    let private (|Peers|_|) (text: string) : string list option =
        let names = text.Split(',', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray

        if names |> List.forall (fun name -> List.contains name peers) then
            Some names
        else
            None

    let rec private read (arguments: Arguments) (words: string list) : Arguments option =
        match words with
        | [] -> Some arguments
        | "--streams" :: Number count :: rest when count <= uint64 Int32.MaxValue ->
            read { arguments with Streams = int count } rest
        | "--seed" :: Number seed :: rest -> read { arguments with Seed = seed } rest
        | "--peers" :: Peers names :: rest -> read { arguments with Peers = names } rest
        | "--stream" :: Hex id :: rest ->
            read
                {
                    arguments with
                        Only = arguments.Only @ [ id ]
                }
                rest
        | _ -> None

    /// None for words that are none of its.
    let parse (words: string list) : Arguments option = read defaults words
