namespace FunctionalWs.Server.Tests

open FunctionalWs

/// A stream that does what another one does, but for what a test overrides.
type internal DelegatingTransport(inner: Transport) =
    inherit Transport()
    override _.LocalEndPoint = inner.LocalEndPoint
    override _.RemoteEndPoint = inner.RemoteEndPoint
    override _.IsReadable = inner.IsReadable
    override _.Read destination = inner.Read destination
    override _.WaitReadable deadline = inner.WaitReadable deadline
    override _.Write source = inner.Write source
    override _.TryWrite source = inner.TryWrite source
    override _.ShutdownSend() = inner.ShutdownSend()
    override _.Abort() = inner.Abort()
    override _.Dispose() = inner.Dispose()
