using FunctionalWs;

/// <summary>Requests and responses, both ways.</summary>
internal static class RequestsOverConnections
{
    private static readonly RequestChannelOptions Settings = new()
    {
        Timeout = Check.Limit,
        AnswerTimeout = Check.Limit,
        MaxUnanswered = 10,
    };

    public static void Described()
    {
        Check.True(Settings is { Timeout: not null, AnswerTimeout: not null, MaxUnanswered: > 0 });
    }

    private static readonly JsonValues.Said Value = new("hello", 1);

    private const string Text = """{"text":"hello","count":1}""";

    public static void FromTheClient() =>
        Session.Run(
            connection =>
            {
                var channel = new RequestChannel(connection, Settings);
                Func<IncomingRequest, bool>[] answers =
                [
                    request => request.Answer(request.Message),
                    request => request.Answer("that"),
                    request => request.Answer(Value, JsonValues.Json.Default.Said),
                    request => request.Fail("no"),
                ];
                foreach (var answer in answers)
                {
                    Check.True(channel.TryTake(connection.Receive(), out var request));
                    Check.Equal(1, channel.Unanswered);
                    Check.True(!request!.Expired.IsCancellationRequested);
                    Check.Equal("Request 7: Text (5 bytes)", request.ToString());
                    Check.Equal(7, request.Id);
                    Check.True(answer(request));
                    Check.True(!answer(request));
                    Check.Equal(0, channel.Unanswered);
                }
                foreach (var message in connection.Lent())
                {
                    Check.True(!channel.TryTake(message, out _));
                    break;
                }
            },
            client =>
            {
                foreach (var expected in (string[])["!7 what?", "!7 that", $"!7 {Text}", "-7 no"])
                {
                    client.Send("?7 what?");
                    Check.Equal(expected, client.Receive());
                }
                client.Send("another message");
                Check.Equal("closed 1000", client.Receive());
                client.Close();
            }
        );

    public static void ToTheClient() =>
        Session.Run(
            connection =>
            {
                var channel = new RequestChannel(connection);
                var said = JsonValues.Json.Default.Said;
                var asking = Task.Run(() =>
                {
                    Check.Equal("that", channel.Ask(new Message("what?"), Check.Limit).Text);
                    Check.Equal("that", channel.AskAsync(new Message("what?")).Result.Text);
                    Check.Equal(Value, channel.Ask(Value, said, said));
                    Check.Equal(Value, channel.AskAsync(Value, said, said).Result);
                    var no = Check.Throws<RequestFailedException>(() =>
                        channel.Ask(new Message("what?"))
                    );
                    Check.Equal("no", no.Reason);
                    Check.Equal(0, channel.Pending);
                });
                for (var i = 0; i < 5; i++)
                    Check.True(channel.TryTake(connection.Receive(), out _));
                Check.True(asking.Wait(Check.Limit));
                OfOwnProtocol(connection);
            },
            client =>
            {
                string[] answers = ["!1 that", "!2 that", $"!3 {Text}", $"!4 {Text}", "-5 no"];
                foreach (var answer in answers)
                {
                    Check.True(
                        client.Receive().StartsWith($"?{answer[1]} ", StringComparison.Ordinal)
                    );
                    client.Send(answer);
                }
                Check.Equal("1 what?", client.Receive());
                Check.Equal("2 what?", client.Receive());
                Check.Equal("closed 1000", client.Receive());
                client.Close();
            }
        );

    private static void OfOwnProtocol(ServerConnection connection)
    {
        var pending = new PendingRequests<string>(connection);
        var asked = pending.AskAsync(id => connection.Send($"{id} what?"));
        Check.Equal(1, pending.Count);
        Check.True(pending.TryAnswer(1, "that"));
        Check.Equal("that", asked.Result);
        Check.Throws<FormatException>(() =>
            pending.Ask(id =>
            {
                connection.Send($"{id} what?");
                pending.TryFail(id, new FormatException());
            })
        );
    }
}
