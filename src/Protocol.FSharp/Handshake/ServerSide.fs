// The server's side of a connection from its first byte to its last: a head, then an endpoint.
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Runtime.InteropServices

/// How far a connection has come.
[<NoComparison; NoEquality>]
type internal Stage =
    | Opening of RequestReader
    | Open of WebSocketEndpoint
    /// The answer is written: what still comes is passed over until its end.
    | Refused
    | Ended

[<Sealed; Class; AllowNullLiteral(false); NoEquality; NoComparison>]
type ServerSide
    private
    (
        policy: HandshakePolicy,
        settings: ConnectionSettings,
        stage: Stage,
        asked: Request voption,
        subprotocol: string | null
    ) =

    static member Create
        (
            policy: HandshakePolicy,
            settings: ConnectionSettings,
            [<Optional; DefaultParameterValue(null: HeadLimits | null)>] limits: HeadLimits | null
        ) : ServerSide =
        ArgumentNullException.ThrowIfNull(policy, nameof policy)
        ConnectionSettings.check settings

        if settings.Role.IsClient then
            raise (ArgumentException("A server's side takes the settings of a server.", nameof settings))

        let limits = ValueOption.defaultValue HeadLimits.Default (ValueOption.ofObj limits)
        ServerSide(policy, settings, Opening(RequestReader limits), ValueNone, null)

    member _.TryGetRequest([<Out>] request: byref<Request>) : bool = ValueOption.tryGet asked &request

    member _.Subprotocol: string | null = subprotocol

    member _.Endpoint: WebSocketEndpoint | null =
        match stage with
        | Open endpoint -> endpoint
        | Opening _
        | Refused
        | Ended -> null

    member _.IsRefused: bool = stage.IsRefused

    member _.IsSendingOver: bool =
        match stage with
        | Opening _ -> false
        | Open endpoint -> endpoint.IsSendingOver
        | Refused
        | Ended -> true

    member _.IsClosed: bool =
        match stage with
        | Opening _
        | Refused -> false
        | Open endpoint -> endpoint.IsClosed
        | Ended -> true

    member private _.At(next: Stage) : ServerSide =
        ServerSide(policy, settings, next, asked, subprotocol)

    member private side.With(before: WebSocketEndpoint, next: WebSocketEndpoint) : ServerSide =
        if obj.ReferenceEquals(before, next) then
            side
        else
            side.At(Open next)

    /// A step of which nothing is told.
    member private side.Silent(next: ServerSide, consumed: int) : ServerStep = {
        Next = next
        Consumed = consumed
        Incoming = Incoming.Nothing
        HalfClose = next.IsSendingOver && not side.IsSendingOver
    }

    member private side.Refuse(response: Response, answers: IBufferWriter<byte>, size: int) : ServerStep =
        response.WriteTo answers
        side.Silent(side.At Refused, size)

    member private side.Open
        (reader: RequestReader, bytes: ReadOnlySpan<byte>, answers: IBufferWriter<byte>, now: DateTimeOffset)
        : ServerStep =
        match reader.Read bytes with
        | RequestParse.Incomplete next -> side.Silent(side.At(Opening next), bytes.Length)
        | RequestParse.NotHttp -> side.Silent(side.At Ended, bytes.Length)
        | RequestParse.Malformed error ->
            // Nobody knows what the method was: the answer has a body.
            side.Refuse(
                Answer.complete policy.ServerHeader now "GET" (Handshake.rejectHead error),
                answers,
                bytes.Length
            )
        | RequestParse.Complete(request, consumed) ->
            match Handshake.respond policy now request with
            | HandshakeResult.Rejected(response, _) ->
                let next = ServerSide(policy, settings, stage, ValueSome request, null)
                next.Refuse(response, answers, bytes.Length)
            | HandshakeResult.Accepted(response, subprotocol) ->
                response.WriteTo answers
                let stage = Open(WebSocketEndpoint.Create settings)
                side.Silent(ServerSide(policy, settings, stage, ValueSome request, subprotocol), consumed)

    member side.Receive
        (
            bytes: ReadOnlySpan<byte>,
            sink: IBufferWriter<byte>,
            answers: IBufferWriter<byte>,
            now: DateTimeOffset
        ) : ServerStep =
        ArgumentNullException.ThrowIfNull(sink, nameof sink)
        ArgumentNullException.ThrowIfNull(answers, nameof answers)

        match stage with
        | Opening reader -> side.Open(reader, bytes, answers, now)
        | Open endpoint ->
            let step = endpoint.Receive(bytes, sink, answers)

            {
                Next = side.With(endpoint, step.Next)
                Consumed = step.Consumed
                Incoming = step.Incoming
                HalfClose = step.HalfClose
            }
        | Refused
        | Ended -> side.Silent(side, bytes.Length)

    member side.EndOfStream() : ServerStep =
        match stage with
        | Open endpoint ->
            let step = endpoint.EndOfStream()

            {
                Next = side.With(endpoint, step.Next)
                Consumed = 0
                Incoming = step.Incoming
                HalfClose = step.HalfClose
            }
        | Opening _
        | Refused -> side.Silent(side.At Ended, 0)
        | Ended -> side.Silent(side, 0)

    member side.Send
        (command: Command, payload: ReadOnlySpan<byte>, output: IBufferWriter<byte>)
        : ServerSide =
        ArgumentNullException.ThrowIfNull(command, nameof command)

        ArgumentNullException.ThrowIfNull(output, nameof output)

        match stage with
        | Open endpoint -> side.With(endpoint, endpoint.Send(command, payload, output).Next)
        | Opening _
        | Refused
        | Ended -> raise (InvalidOperationException "The connection is not open: nothing can be sent.")

    override _.ToString() : string =
        match stage with
        | Opening reader -> reader.ToString()
        | Open endpoint -> endpoint.ToString()
        | Refused -> "refused"
        | Ended -> "ended without a connection"

and [<Struct; NoComparison; NoEquality; StructuredFormatDisplay("{Shown}")>] ServerStep = {
    Next: ServerSide
    Consumed: int
    Incoming: Incoming
    HalfClose: bool
} with

    member private step.Shown: string =
        Words.step step.Next step.Consumed step.Incoming step.HalfClose

    override step.ToString() : string = step.Shown
