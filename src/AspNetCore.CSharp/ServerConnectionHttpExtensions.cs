using Microsoft.AspNetCore.Http;

namespace FunctionalWs.AspNetCore;

/// <summary>What a handler can ask its connection for when that came through ASP.NET Core.</summary>
public static class ServerConnectionHttpExtensions
{
    private static readonly object Key = new();

    /// <summary>
    /// The request's context, with its user, route values, features and services. It lives as long as the connection; its response is
    /// sent already. It isn't thread-safe: what several threads need of it is read in the handler's beginning.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <exception cref="InvalidOperationException">The connection is none of <c>MapWebSocket</c>, or has ended.</exception>
    public static HttpContext HttpContext(this ServerConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return connection.Items.TryGetValue(Key, out var context) && context is HttpContext found
            ? found
            : throw new InvalidOperationException(
                "The connection has no HttpContext: it is none of MapWebSocket, or has ended."
            );
    }

    internal static void Keep(ServerConnection connection, HttpContext context) =>
        connection.Items[Key] = context;

    /// <summary>The web server uses it for others from now on.</summary>
    internal static void Forget(ServerConnection connection) => connection.Items.Remove(Key);
}
