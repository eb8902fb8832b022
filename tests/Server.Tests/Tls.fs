/// TLS for tests: certificates made on the spot, and clients.
module FunctionalWs.Server.Tests.Tls

open System
open System.IO
open System.Net
open System.Net.Security
open System.Net.Sockets
open System.Security.Authentication
open System.Security.Cryptography
open System.Security.Cryptography.X509Certificates
open FunctionalWs
open FunctionalWs.Testing

/// A certificate of its own authority.
let certificate (name: string) : X509Certificate2 =
    use key = ECDsa.Create ECCurve.NamedCurves.nistP256

    let request =
        CertificateRequest(X500DistinguishedName $"CN={name}", key, HashAlgorithmName.SHA256)

    let names = SubjectAlternativeNameBuilder()
    names.AddDnsName name
    names.AddIpAddress IPAddress.Loopback
    request.CertificateExtensions.Add(names.Build())
    let now = DateTimeOffset.UtcNow
    request.CreateSelfSigned(now.AddDays -1.0, now.AddYears 10)

let contextOf (certificate: X509Certificate2) =
    SslStreamCertificateContext.Create(certificate, null, offline = true)

/// Made once for all tests that don't care.
let localhost = certificate "localhost"

let ssl () =
    SslServerAuthenticationOptions(ServerCertificateContext = contextOf localhost)

let options () = ServerOptions(Ssl = ssl ())

/// A transport as a stream: what a client's SslStream needs.
type TransportStream(transport: Transport) =
    inherit Stream()
    override _.CanRead = true
    override _.CanWrite = true
    override _.CanSeek = false
    override _.Length = raise (NotSupportedException())

    override _.Position
        with get () = raise (NotSupportedException())
        and set _ = raise (NotSupportedException())

    override _.Seek(_, _) = raise (NotSupportedException())
    override _.SetLength _ = raise (NotSupportedException())
    override _.Flush() = ()

    override _.Read(buffer: byte[], offset: int, count: int) =
        if count = 0 then
            0
        else
            transport.Read(Span(buffer, offset, count))

    override _.Write(buffer: byte[], offset: int, count: int) =
        transport.Write(ReadOnlySpan(buffer, offset, count))

/// A client's settings: takes any certificate of the server.
let clientOptions () =
    SslClientAuthenticationOptions(
        TargetHost = "localhost",
        RemoteCertificateValidationCallback = RemoteCertificateValidationCallback(fun _ _ _ _ -> true)
    )

/// A client's end of TLS, as a transport: the handshake is done.
type ClientTransport(stream: SslStream, lower: Transport) =
    inherit Transport()
    override _.LocalEndPoint = lower.LocalEndPoint
    override _.RemoteEndPoint = lower.RemoteEndPoint
    override _.IsReadable = true
    override _.WaitReadable _ = true
    override _.Read destination = stream.Read destination
    override _.Write source = stream.Write source
    override _.TryWrite _ = raise (NotSupportedException())

    override _.ShutdownSend() =
        stream.ShutdownAsync().Wait()
        lower.ShutdownSend()

    override _.Abort() = lower.Abort()
    override _.Dispose() = lower.Dispose()

let over (options: SslClientAuthenticationOptions) (lower: Transport) : SslStream =
    let stream = new SslStream(new TransportStream(lower))
    stream.AuthenticateAsClient options
    stream

let connectTo (endPoint: EndPoint) : SocketTransport =
    let kind =
        if endPoint.AddressFamily = AddressFamily.Unix then
            ProtocolType.Unspecified
        else
            ProtocolType.Tcp

    let socket = new Socket(endPoint.AddressFamily, SocketType.Stream, kind)
    socket.ReceiveTimeout <- int Wait.limit.TotalMilliseconds
    socket.Connect endPoint
    new SocketTransport(socket)

/// A client that has shaken hands in TLS.
let connect (server: Server) : PeerClient =
    let lower = connectTo server.LocalEndPoint
    new PeerClient(new ClientTransport(over (clientOptions ()) lower, lower))

/// A client of a server without an address.
let inMemory (server: Server) : PeerClient =
    let struct (atServer, atClient) = MemoryTransport.CreatePair()
    server.Admit(new TlsTransport(atServer))
    new PeerClient(new ClientTransport(over (clientOptions ()) atClient, atClient))
