using FunctionalWs;
using FunctionalWs.Hosting;
using Microsoft.Extensions.Logging;

/// <summary>What the server does with a client. Made for each of them, with services in its constructor.</summary>
public sealed class Echo(ILogger<Echo> logger) : IConnectionHandler
{
    /// <summary>Runs on a thread of its own for each client, so it may simply wait.</summary>
    public void Handle(ServerConnection connection)
    {
        logger.LogInformation("{Client} has come", connection.RemoteEndPoint);
        foreach (var message in connection) // ends when the client closes
            connection.Send(message); // text as text, binary as binary
    }
}
