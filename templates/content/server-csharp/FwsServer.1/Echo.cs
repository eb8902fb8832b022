using FunctionalWs;

/// <summary>What the server does with each client.</summary>
public static class Echo
{
    /// <summary>Runs on a thread of its own for each client, so it may simply wait.</summary>
    public static void Handle(ServerConnection connection)
    {
        foreach (var message in connection) // ends when the client closes
            connection.Send(message); // text as text, binary as binary
    }
}
