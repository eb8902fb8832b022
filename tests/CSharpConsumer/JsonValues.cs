using System.Text.Json;
using System.Text.Json.Serialization;
using FunctionalWs;
using FunctionalWs.Protocol;
using FunctionalWs.Testing;

/// <summary>Values as JSON, with generated code alone.</summary>
internal static partial class JsonValues
{
    internal sealed record Said(string Text, int Count);

    [JsonSourceGenerationOptions(
        JsonSerializerDefaults.Web,
        RespectRequiredConstructorParameters = true
    )]
    [JsonSerializable(typeof(Said))]
    internal sealed partial class Json : JsonSerializerContext;

    private const string Text = """{"text":"hello","count":1}""";

    public static void Awaited()
    {
        using var server = InMemoryServer.Serve(
            MessageHandler.Converse(async connection =>
            {
                var said = await connection.ReceiveAsync(Json.Default.Said, connection.Closed);
                await connection.SendAsync(said with { Count = 2 }, Json.Default.Said);
            })
        );
        using var client = server.Connect();
        client.Send(new Said("hello", 1), Json.Default.Said);
        Check.Equal(2, client.Receive(Json.Default.Said).Count);
        Check.Equal(1000, client.WaitClosed()!.Number);
    }

    public static void Exchanged() =>
        Session.Run(
            connection =>
            {
                Check.Equal(1, connection.Receive(Json.Default.Said, Check.Limit).Count);
                Check.Equal("hello", connection.Receive().Json(Json.Default.Said).Text);
                foreach (var message in connection.Lent())
                {
                    Check.True(message.TryJson(Json.Default.Said, out var lent));
                    Check.Equal(lent, message.Json(Json.Default.Said));
                    break;
                }
                Check.True(!connection.Receive().TryJson(Json.Default.Said, out _));
                connection.Send(new Said("hello", 1), Json.Default.Said);
                Broadcast.Send([connection], new Said("hello", 1), Json.Default.Said);
                var error = Check.Throws<NotJsonException>(() =>
                    connection.Receive(Json.Default.Said)
                );
                Check.Equal(CloseCode.UnsupportedData, error.CloseCode);
                Check.Equal("$.text", error.Path);
            },
            client =>
            {
                for (var i = 0; i < 3; i++)
                    client.Send(Text);
                client.Send("{");
                Check.Equal(Text, client.Receive());
                Check.Equal(Text, client.Receive());
                client.Send("""{"text":1}""");
                Check.Equal("closed 1000", client.Receive());
                client.Close();
            }
        );
}
