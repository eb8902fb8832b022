// What a client of a test is and sends, as a pipeline.
namespace FunctionalWs.FSharp.Testing

open System
open System.Net
open System.Threading
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing

/// <summary>
/// Settings of a test's client, as pipelines: <c>TestOptions.client |> TestOptions.subprotocols [ "chat.v2" ]</c>. Each function has the name
/// of a property of <c>TestClientOptions</c>, which tells more of it, and gives a copy with another value. Values are checked when a client
/// connects.
/// </summary>
module TestOptions =

    /// <summary>The defaults of a test's client.</summary>
    let client: TestClientOptions = TestClientOptions()

    /// <summary>
    /// Further header fields of the request, in order; none by default. One of a name that the client sends by itself takes the place of its own.
    /// </summary>
    let headers (fields: (string * string) list) (options: TestClientOptions) : TestClientOptions =
        TestClientOptionsCopy.Headers(options, fields |> List.map (fun (name, value) -> struct (name, value)))

    /// <summary>The subprotocols that the client offers, the one it likes best first; none by default.</summary>
    let subprotocols (names: string list) (options: TestClientOptions) : TestClientOptions =
        TestClientOptionsCopy.Subprotocols(options, names)

    /// <summary>The origin that a browser would tell; <c>None</c>, the default, for none.</summary>
    let origin (origin: string option) (options: TestClientOptions) : TestClientOptions =
        TestClientOptionsCopy.Origin(options, Option.toObj origin)

    /// <summary>Name and password for Basic authentication (RFC 7617); <c>None</c>, the default, for none.</summary>
    let credentials (credentials: BasicCredentials option) (options: TestClientOptions) : TestClientOptions =
        TestClientOptionsCopy.Credentials(options, Option.toObj credentials)

    /// <summary>A token for Bearer authentication (RFC 6750); <c>None</c>, the default, for none. Not with <c>credentials</c>.</summary>
    let bearerToken (token: string option) (options: TestClientOptions) : TestClientOptions =
        TestClientOptionsCopy.BearerToken(options, Option.toObj token)

    /// <summary>Compression that is offered; <c>None</c>, the default, for none (RFC 7692).</summary>
    let compression (deflate: PerMessageDeflate option) (options: TestClientOptions) : TestClientOptions =
        TestClientOptionsCopy.Compression(options, Option.toObj deflate)

    /// <summary>What the server takes for the client's address; <c>None</c>, the default, for none.</summary>
    let remoteEndPoint (address: EndPoint option) (options: TestClientOptions) : TestClientOptions =
        TestClientOptionsCopy.RemoteEndPoint(options, Option.toObj address)

    /// <summary>
    /// True, the default, to answer pings while the client receives or waits; false for a client that seems dead to the keepalive.
    /// </summary>
    let answersPings (answers: bool) (options: TestClientOptions) : TestClientOptions =
        TestClientOptionsCopy.AnswersPings(options, answers)

    /// <summary>
    /// The bytes that each direction holds before its writer waits: 1 or more; 1 MiB by default. A small value makes a slow client.
    /// </summary>
    let bufferSize (bytes: int) (options: TestClientOptions) : TestClientOptions =
        TestClientOptionsCopy.BufferSize(options, bytes)

    /// <summary>
    /// How long a call of the client waits at most, in real time, more than zero; <c>None</c> for no limit. 10 seconds by default.
    /// </summary>
    let timeout (time: TimeSpan option) (options: TestClientOptions) : TestClientOptions =
        TestClientOptionsCopy.Timeout(options, Option.defaultValue Timeout.InfiniteTimeSpan time)

    /// <summary>
    /// How the way to the server is, in a simulation; <c>None</c>, the default, for one that the seed chooses and on which everything arrives.
    /// Elsewhere it has to be <c>None</c>.
    /// </summary>
    let network (conditions: NetworkConditions option) (options: TestClientOptions) : TestClientOptions =
        TestClientOptionsCopy.Network(options, Option.toObj conditions)
