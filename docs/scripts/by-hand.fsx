(**
---
title: A connection by hand
category: Scripts
categoryindex: 5
index: 2
---
*)
(**
# A connection by hand

The protocol of FunctionalWs is a set of pure functions over immutable values: no socket, no thread, no clock. So a connection
can be stepped through by hand, to see what happens and why. This page does that: it reads a handshake, then frames, and shows
the state after each.

It is a program, too: a [script]({{root}}{{fsdocs-source-basename}}.fsx) for `dotnet fsi` and a
[notebook]({{root}}{{fsdocs-source-basename}}.ipynb).
*)
#r "nuget: FunctionalWs.Protocol, *-*"

(**
The types of the protocol, and a few of .NET's:
*)
open System
open System.Buffers
open System.Text
open FunctionalWs.Protocol

(**
## The opening handshake

A client asks with an HTTP request. `ClientHandshake.request` makes it, here that of the example in RFC 6455 §1.2. The 16 bytes of the
key are an argument, since the core draws no random numbers.
*)
let offer =
    ClientOffer.Default
        .WithOrigin("http://example.com")
        .WithSubprotocols("chat", "superchat")
        .WithoutHeader("User-Agent")

let asked =
    ClientHandshake.request
        (ReadOnlySpan "the sample nonce"B)
        offer
        (WebSocketUri.Parse "ws://server.example.com/chat")

let requestBytes =
    let writer = ArrayBufferWriter<byte>()
    asked.Request.WriteTo writer
    writer.WrittenSpan.ToArray()

printf "%s" (Encoding.ASCII.GetString(requestBytes).Replace("\r\n", "\n"))
(*** include-output ***)

(**
The server sees bytes. A `RequestReader` reads a request's head as its bytes come. As long as the head has not ended it takes all
bytes, and gives a reader that goes on where this one stopped:
*)
let reader =
    match RequestReader().Read requestBytes[..99] with
    | RequestParse.Incomplete next -> next
    | other -> failwith $"the example is cut: {other}"

printfn $"{reader}"
(*** include-output ***)

(**
With the rest it gives the request:
*)
let request =
    match reader.Read requestBytes[100..] with
    | RequestParse.Complete(request, _) -> request
    | other -> failwith $"the example is complete: {other}"

let target = request.Target
printfn $"it asks for {target}"
(*** include-output ***)

let origin = request.Headers.Get "Origin"
printfn $"it comes from {origin}"
(*** include-output ***)

(**
`Handshake.respond` decides. It is given what the server asks of clients, here a subprotocol, and the time, for the `Date` header:
the core has no clock.
*)
let policy = HandshakePolicy(subprotocols = [ "superchat"; "chat" ])

let now = DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero)

let show (response: Response) =
    let writer = ArrayBufferWriter<byte>()
    response.WriteTo writer
    printf "%s" (Encoding.ASCII.GetString(writer.WrittenSpan).Replace("\r\n", "\n"))

let answer =
    match Handshake.respond policy now request with
    | HandshakeResult.Accepted(response, _) -> response
    | HandshakeResult.Rejected(response, _) -> response

show answer
(*** include-output ***)

(**
The value of `Sec-WebSocket-Accept` is the one that the RFC gives for this key. The client reads the head of the answer and checks it
against what it asked:
*)
let answerBytes =
    let writer = ArrayBufferWriter<byte>()
    answer.WriteTo writer
    writer.WrittenSpan.ToArray()

match ResponseReader().Read(ReadOnlySpan answerBytes) with
| ResponseParse.Complete(head, _) ->
    match ClientHandshake.check asked head with
    | ClientResult.Opened agreement -> printfn $"opened, with the subprotocol {agreement.Subprotocol}"
    | ClientResult.Redirected target -> printfn $"the server is at {target}"
    | ClientResult.Refused error -> printfn $"{error}"
| other -> printfn $"no head: {other}"
(*** include-output ***)

(**
A request that breaks a rule is answered as well,
and the error says which rule. This one asks for a version that doesn't exist:
*)
let olderRequest = {
    request with
        Headers = request.Headers.Set("Sec-WebSocket-Version", "7")
}

match Handshake.respond policy now olderRequest with
| HandshakeResult.Accepted(response, _) -> show response
| HandshakeResult.Rejected(response, error) ->
    printfn $"error: {error}"
    show response
(*** include-output ***)

(**
## One frame

Now the connection is open, and frames follow. A state is a value; this is the first:
*)
let settings = ConnectionSettings.Server
let opened = Connection.start
printfn $"the first state: {opened}"
(*** include-output ***)

(**
The client sends the masked text *Hello*, as in RFC 6455 §5.7. `FrameReader.decode` finds a frame at the start of some bytes. With a
byte too few there is none yet:
*)
let hello = Convert.FromHexString "818537fa213d7f9f4d5158"

/// What lies at the start of a buffer, in words.
let describe (bytes: byte[]) =
    match FrameReader.decode settings bytes with
    | FrameParse.Incomplete -> "more bytes are needed"
    | FrameParse.Malformed error -> $"the peer broke a rule: {error}"
    | FrameParse.Complete frame ->
        let payload = frame.ToArray()
        $"{frame.Header.Opcode}, final: {frame.Header.Fin}, payload: {Encoding.UTF8.GetString payload}"

let tooShort = describe hello[..9]
printfn $"ten bytes of it: {tooShort}"
(*** include-output ***)

let complete = describe hello
printfn $"all of it: {complete}"
(*** include-output ***)

(**
## Many steps

`Connection.receive` takes a state and what came, and gives a *transition*: the next state, an event for the application, an
output for the peer, and whether to end the sending side after that. A few helpers make frames, step them and print what they
lead to:
*)
/// A frame as a client writes it: masked, with a key that is always the same here.
let frame (fin: bool) (opcode: Opcode) (payload: byte[]) : byte[] =
    FrameWriter.encode fin opcode (ValueSome 0x3d21fa37u) payload

/// A state on one line; `printfn "%A"` shows all of it.
let summary (state: State) : string =
    match state with
    | State.Open(ValueNone, _) -> "Open"
    | State.Open(ValueSome message, _) ->
        $"Open, with {message.Size} bytes of a {message.Kind} message received in {message.Fragments} fragment(s)"
    | State.CloseSent(sent, _) -> $"CloseSent: {sent}"
    | State.Draining closure -> $"Draining: {closure}"
    | State.Closed closure -> $"Closed: {closure}"

let print (what: string) (transition: Transition) =
    printfn $"{what}"
    printfn $"  state:  {summary transition.State}"
    transition.Event |> ValueOption.iter (fun event -> printfn $"  event:  {event}")

    transition.Output
    |> ValueOption.iter (fun output -> printfn $"  output: {output}")

    if transition.HalfClose then
        printfn "  then our sending side ends"

let receive (what: string) (state: State) (bytes: byte[]) : State =
    let input =
        match FrameReader.decode settings bytes with
        | FrameParse.Complete frame -> Input.Received frame
        | FrameParse.Malformed error -> Input.Broken error
        | FrameParse.Incomplete -> failwith "the example has whole frames"

    let transition = Connection.receive settings state input
    print what transition
    transition.State

(**
A text in two fragments, with a ping between them, which is legal (RFC 6455 §5.4). The state remembers the fragment; the ping is
answered with its own payload and changes nothing:
*)
let fragment = receive "the first fragment" opened (frame false Opcode.Text "Hel"B)
let pinged = receive "a ping" fragment (frame true Opcode.Ping "are you there?"B)

let whole =
    receive "the last fragment" pinged (frame true Opcode.Continuation "lo"B)
(*** include-output ***)

(**
After the message the state is the first one again, which can simply be compared:
*)
let isAsBefore = (whole = opened)
printfn $"the state after the message is the first one: {isAsBefore}"
(*** include-output ***)

(**
States are values, so nothing stops us from going back to the middle of the message and letting something else happen. Here the
client starts another message before the end of the one that is open:
*)
let failed = receive "a second message" fragment (frame true Opcode.Text "oops"B)
(*** include-output ***)

(**
That broke a rule (RFC 6455 §5.4): the connection is failed with 1002, and whatever still comes is ignored until the stream ends.

## Sending and closing

What the application wants goes through `Connection.send`. It gives a transition as well, or says why it can't be had now.
*)
let send (what: string) (state: State) (command: Command) : State =
    match Connection.send state command with
    | SendResult.Accepted transition ->
        print what transition
        transition.State
    | SendResult.Refused error ->
        printfn $"{what}\n  refused: {error}"
        state

let goodbye = CloseStatus.Create(CloseCode.GoingAway, "restarting")
let closing = send "we close" opened (Command.Close goodbye)

let refused =
    send "we send a text all the same" closing (Command.Message DataKind.Text)
(*** include-output ***)

(**
The peer answers with a close frame, then its stream ends. `Closed` is the end: nothing leads out of it.
*)
let draining =
    receive "the peer's close frame" closing (frame true Opcode.Close (goodbye.ToArray()))

let ended = Connection.receive settings draining Input.EndOfStream
print "the end of the stream" ended
(*** include-output ***)

(**
Next: [all states at once, as a diagram](state-diagram.html).
*)
(*** hide ***)
match ended.State with
| State.Closed(Closure.Clean(_, _, Initiator.Local)) when isAsBefore -> ()
| state -> failwith $"another end than on the page: {state}"
