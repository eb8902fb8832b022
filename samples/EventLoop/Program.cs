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
    var (input, start, end, parse) = (new byte[16_384], 0, 0, new RequestReader().Read([]));
    for (var count = 1; count > 0 && parse is RequestParse.Incomplete more; )
    {
        yield return SelectMode.SelectRead;
        count = socket.Receive(input.AsSpan(end), 0, out _); // 0 when the head is too long, too
        (start, end) = (start + (int)more.Consumed, end + count);
        parse = more.Next.Read(input.AsSpan(start..end));
    }
    if (parse is not RequestParse.Complete head)
        yield break;
    var answer = Handshake.Respond(HandshakePolicy.Default, DateTimeOffset.UtcNow, head.Request);
    answer.Response.WriteTo(output);
    var endpoint = WebSocketEndpoint.Create(ConnectionSettings.Server);
    for (start += (int)head.Consumed; !endpoint.IsClosed; )
    {
        var step = endpoint.Receive([], message, output);
        while (start < end && !step.HalfClose && answer.IsAccepted)
        {
            step = endpoint.Receive(input.AsSpan(start..end), message, output);
            (endpoint, start) = (step.Next, start + step.Consumed);
            if (step.Incoming is not Incoming.Data { EndOfMessage: true, Kind: var kind })
                continue;
            endpoint = endpoint.Send(Command.NewMessage(kind), message.WrittenSpan, output).Next;
            message.ResetWrittenCount();
        }
        for (var sent = 0; sent < output.WrittenCount && socket.Connected; )
        {
            yield return SelectMode.SelectWrite;
            sent += socket.Send(output.WrittenSpan[sent..], 0, out _);
        }
        output.ResetWrittenCount();
        if (step.HalfClose || answer.IsRejected)
            socket.Shutdown(SocketShutdown.Send); // what still comes is read to its end
        yield return SelectMode.SelectRead;
        (start, end) = (0, socket.Receive(input, 0, out _));
        endpoint = end > 0 ? endpoint : endpoint.EndOfStream().Next;
    }
}
