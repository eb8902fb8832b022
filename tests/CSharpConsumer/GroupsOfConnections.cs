using FunctionalWs;

/// <summary>Named sets of connections.</summary>
internal static class GroupsOfConnections
{
    public static void Used()
    {
        var rooms = new Groups();
        using var server = Server.Serve(connection => Visit(rooms, connection), "127.0.0.1", 0);
        server.Start();
        using (var client = new PlatformClient(PlatformClient.To(server.LocalEndPoint)))
        {
            foreach (var heard in (string[])["text", "41", "B", "message", Said])
                Check.Equal(heard, client.Receive());
            Check.Equal("closed 1000", client.Receive());
            client.Close();
        }
        Check.Eventually(() => rooms.Count == 0);
    }

    private const string Said = """{"text":"hello","count":1}""";

    private static void Visit(Groups rooms, ServerConnection connection)
    {
        Group room = rooms["tea"];
        Check.True(room.Add(connection));
        Check.True(!room.Add(connection));
        Check.Equal("tea", room.Name);
        Check.Equal(1, room.Count);
        Check.True(room.Contains(connection));
        Check.Equal(connection, room.Single());
        foreach (var member in room)
            Check.Equal(connection, member);
        foreach (var group in rooms)
            Check.Equal("tea", group.Name);
        Check.Equal("tea (1 members)", room.ToString());
        Check.Equal("tea", rooms.Single().Name);
        Check.Equal("tea", rooms.Of(connection).Single().Name);
        room.State(() => new List<string>()).Add("hello");
        Check.Equal(1, room.State(() => new List<string>()).Count);
        Check.True(rooms["coffee"].Add(connection));
        Check.True(rooms["coffee"].Remove(connection));
        Check.True(rooms.Remove(connection));
        Check.True(room.Add(connection));
        BroadcastResult result = room.Send("text");
        Check.Equal(1, result.Sent);
        room.Send("A"u8);
        room.Send("B"u8, MessageKind.Text);
        room.Send(new Message("message"));
        room.Send(new JsonValues.Said("hello", 1), JsonValues.Json.Default.Said);
    }
}
