// An echo server on the protocol alone. A client is an iterator, which says what it waits for.
using var listener = new TcpListener(IPAddress.Loopback, args is [var p] ? int.Parse(p) : 8765);
listener.Start();
Console.WriteLine($"ws://{listener.LocalEndpoint}/");
var clients = new Dictionary<Socket, IEnumerator<SelectMode>>();
while (true)
{
    List<Socket> reading = [listener.Server, .. clients.Keys.Where(it => clients[it].Current == 0)];
    List<Socket> writing = [.. clients.Keys.Except(reading)];
    Socket.Select(reading, writing, null, Timeout.Infinite);
    if (reading.Remove(listener.Server) && listener.AcceptSocket() is var accepted)
        clients.Add(accepted, Serve(accepted));
    foreach (var socket in reading.Concat(writing).Where(ready => !clients[ready].MoveNext()))
        clients.Remove(socket);
}

static IEnumerator<SelectMode> Serve(Socket accepted)
{
    using var socket = accepted;
    socket.Blocking = false;
    var (message, output) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
    var (input, now) = (new byte[16_384], DateTimeOffset.UtcNow);
    for (
        var side = ServerSide.Create(HandshakePolicy.Default, ConnectionSettings.Server);
        !side.IsClosed;

    )
    {
        yield return SelectMode.SelectRead;
        var (start, end) = (0, socket.Receive(input, 0, out _));
        while (start < end)
        {
            var step = side.Receive(input.AsSpan(start..end), message, output, now);
            (side, start) = (step.Next, start + step.Consumed);
            if (step.Incoming is not Incoming.Data { EndOfMessage: true, Kind: var kind })
                continue;
            side = side.Send(Command.NewMessage(kind), message.WrittenSpan, output);
            message.ResetWrittenCount();
        }
        for (var sent = 0; sent < output.WrittenCount && socket.Connected; )
        {
            yield return SelectMode.SelectWrite;
            sent += socket.Send(output.WrittenSpan[sent..], 0, out _);
        }
        output.ResetWrittenCount();
        if (side.IsSendingOver)
            socket.Shutdown(SocketShutdown.Send); // what still comes is read to its end
        side = end > 0 ? side : side.EndOfStream().Next;
    }
}
