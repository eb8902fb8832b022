module FunctionalWs.Differential.Main

open System
open System.Collections.Concurrent
open System.IO
open System.Threading
open System.Threading.Tasks

/// What everybody made of a stream; ours is the first.
type private Result = {
    Stream: ByteStream
    Observations: (string * Observation) list
    Differences: Difference list
}

/// A server that ended a stream which the client still writes to is asked again, as TCP may take back what it said before; and one that ended
/// itself, perhaps for another stream. Of ours this is told, as it is of interest how often it happens.
let rec private ask (tries: int) (stream: ByteStream) (peer: Peer) : Task<Observation> =
    task {
        let! observation = Player.play stream peer

        let isLost =
            match observation.End with
            | End.Dropped -> snd (ByteStream.bytes stream) = Ending.Marked
            | End.Gone
            | End.Unanswered -> not peer.IsOurs
            | _ -> not (peer.IsOurs || observation.Oddities.IsEmpty)

        if isLost && tries > 1 then
            if peer.IsOurs then
                printfn $"asked again, as no close frame came: {peer.Name}, --stream {stream.Id}"

            return! ask (tries - 1) stream peer
        else
            return observation
    }

let private play (peers: Peer list) (stream: ByteStream) : Task<Result> =
    task {
        let! observations = peers |> List.map (ask 3 stream) |> Task.WhenAll

        let observations = List.zip (peers |> List.map _.Name) (List.ofArray observations)

        let ours = snd observations.Head

        return {
            Stream = stream
            Observations = observations
            Differences =
                observations.Tail
                |> List.choose (fun (peer, theirs) -> Difference.between stream ours peer theirs)
        }
    }

/// What is never explained by what others do.
let private isSound (result: Result) : bool =
    let _, ours = result.Observations.Head
    ours.Oddities.IsEmpty && ours.End <> End.Endless && ours.End <> End.Gone

let private unknown (known: KnownDifference list) (result: Result) : Difference list =
    result.Differences
    |> List.filter (fun difference -> not (known |> List.exists (KnownDifference.explains difference)))

let private hasFailed (known: KnownDifference list) (result: Result) : bool =
    not (isSound result) || not (unknown known result).IsEmpty

/// The same with fewer frames, as long as the same is unknown about it.
let private minimise (peers: Peer list) (known: KnownDifference list) (result: Result) : Result =
    let mostTries = 40
    let wanted = unknown known result, isSound result

    let isSame other =
        (unknown known other, isSound other) = wanted

    let rec shrink (tries: int) (at: int) (smallest: Result) : Result =
        let chunks = smallest.Stream.Chunks

        if at >= chunks.Length || tries = 0 then
            smallest
        else
            let other =
                (play peers {
                    smallest.Stream with
                        Chunks = List.removeAt at chunks
                })
                    .Result

            if isSame other then
                shrink (tries - 1) at other
            else
                shrink (tries - 1) (at + 1) smallest

    shrink mostTries 0 result

let private tell (known: KnownDifference list) (result: Result) : unit =
    let stream = result.Stream
    let bytes, ending = ByteStream.bytes stream
    let shown = Convert.ToHexStringLower bytes

    let shown =
        if shown.Length > 4_000 then
            shown.Substring(0, 4_000) + $"… ({bytes.Length} bytes)"
        else
            shown

    printfn $"  {stream.Name}, {ending}, {stream.Cuts}"

    if not stream.IsOpened then
        printfn $"  head {Convert.ToHexStringLower stream.Head}"

    printfn $"  bytes {shown}"

    for peer, observation in result.Observations do
        printfn $"  %-12s{peer}{observation}"

    for difference in result.Differences do
        match known |> List.tryFind (KnownDifference.explains difference) with
        | Some known -> printfn $"  known: {difference} | {known.Section} | {known.Right} | {known.Why}"
        | None -> printfn $"  NOT KNOWN: {difference}"

let private mostAtOnce = 24

/// All streams, many at a time.
let private playAll (peers: Peer list) (streams: ByteStream seq) (see: Result -> unit) : unit =
    let options = ParallelOptions(MaxDegreeOfParallelism = mostAtOnce)

    let body (stream: ByteStream) (_: CancellationToken) : ValueTask =
        task {
            let! result = play peers stream
            lock see (fun () -> see result)
        }
        |> fun playing -> ValueTask(playing :> Task)

    (Parallel.ForEachAsync(streams, options, body)).Wait()

let private startPeers (names: string list) : Peer list =
    let others = [
        for name in names do
            match name with
            | "kestrel" -> Ok(KestrelServer.start ())
            | "ws" -> ChildServer.startWs ()
            | _ -> ChildServer.startWebsockets ()
    ]

    for other in others do
        match other with
        | Error sentence -> printfn $"{sentence}"
        | Ok _ -> ()

    [ OwnServer.start (); OwnServer.startMessages () ]
    @ (others |> List.choose Result.toOption)

let private countKnown (known: KnownDifference list) (differences: Difference list) : unit =
    for entry in known do
        match
            differences
            |> List.filter (fun difference -> KnownDifference.explains difference entry)
        with
        | [] -> ()
        | explained ->
            let peers = explained |> List.map _.Peer |> List.distinct |> List.sort
            let peers = String.Join(", ", peers)
            printfn $"%7d{explained.Length}  {peers}: {entry.Why} ({entry.Section}: {entry.Right})"

let private mostTold = 5

/// What is wrong with a stream, each kind by itself.
let private kindsOf (known: KnownDifference list) (result: Result) : string list = [
    if not (isSound result) then
        "ours does what no server may, or doesn't end"

    for difference in unknown known result do
        string difference
]

let private tellFailed (peers: Peer list) (known: KnownDifference list) (failed: Result list) : unit =
    let kinds = [
        for result in failed do
            for kind in kindsOf known result do
                kind, result
    ]

    let smallest (results: Result list) =
        results
        |> List.minBy (fun result -> (fst (ByteStream.bytes result.Stream)).Length)

    let kinds =
        kinds
        |> List.groupBy fst
        |> List.map (fun (kind, results) -> kind, results.Length, smallest (List.map snd results))
        |> List.sortByDescending (fun (_, count, _) -> count)

    for kind, count, example in kinds do
        printfn $"FAIL: %5d{count} times, such as --stream {example.Stream.Id}: {kind}"

    for kind, _, example in List.truncate mostTold kinds do
        printfn $"the smallest part of {example.Stream.Id} that shows: {kind}"
        tell known (minimise peers known example)

let private runMany (arguments: Arguments) (peers: Peer list) (known: KnownDifference list) : int =
    let names = String.Join(", ", peers |> List.map _.Name)
    printfn $"seed {arguments.Seed}, {arguments.Streams} streams, sent to {names}"
    let differences = ConcurrentBag<Difference>()
    let failed = ConcurrentBag<Result>()

    let see (result: Result) =
        result.Differences |> List.iter differences.Add

        if hasFailed known result then
            failed.Add result

    let streams =
        Streams.seeds arguments.Seed arguments.Streams |> Seq.map Streams.ofSeed

    playAll peers streams see
    countKnown known (List.ofSeq differences)
    tellFailed peers known (List.ofSeq failed)
    printfn $"{arguments.Streams - failed.Count} passed, {failed.Count} failed"
    if failed.IsEmpty then 0 else 1

let private runOnly (arguments: Arguments) (peers: Peer list) (known: KnownDifference list) : int =
    let results = [
        for id in arguments.Only do
            let result = (play peers (Streams.ofSeed id)).Result
            printfn $"{result.Stream.Id}"
            tell known result
            result
    ]

    let failed = results |> List.filter (hasFailed known)
    printfn $"{results.Length - failed.Length} passed, {failed.Length} failed"
    if failed.IsEmpty then 0 else 1

[<EntryPoint>]
let main args =
    match Arguments.parse (List.ofArray args) with
    | None ->
        eprintfn $"{Arguments.usage}"
        2
    | Some arguments ->
        let known =
            KnownDifference.load (Path.Combine(AppContext.BaseDirectory, "differences.txt"))

        let peers = startPeers arguments.Peers

        try
            if arguments.Only.IsEmpty then
                runMany arguments peers known
            else
                runOnly arguments peers known
        finally
            for peer in peers do
                peer.Stop()
