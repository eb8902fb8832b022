namespace FunctionalWs;

/// <summary>
/// The handler of a connection that calls another for each message. Where a loop can tell that a connection has input, its thread is
/// given back; elsewhere, as in memory, that thread waits for messages.
/// </summary>
internal sealed class MessageFace(Func<ServerConnection, MessageCalls> make)
{
    public void Serve(ServerConnection connection)
    {
        connection.BeginMessages(make);
        if (!connection.CanPark)
            connection.PumpMessages();
    }
}
