namespace FunctionalWs.Hosting;

/// <summary>How texts call a server.</summary>
internal static class ServerName
{
    public static string Called(string name) =>
        name.Length == 0 ? "The WebSocket server" : Invariant($"The WebSocket server '{name}'");
}
