using System.Buffers;
using System.Text;
using FunctionalWs;
using FunctionalWs.Protocol;

/// <summary>Every way to receive and to send.</summary>
internal static class Messages
{
    public static void Values()
    {
        var text = new Message("grüße");
        Check.Equal(MessageKind.Text, text.Kind);
        Check.True(text.IsText);
        Check.Equal("grüße", text.Text);
        var bytes = new Message(new byte[] { 1, 2 });
        Check.Equal("0102", Convert.ToHexString(bytes.Data.Span));
        Check.True(text == new Message("grüße"));
        Check.True(text != bytes);
        Check.True(text.Equals(new Message("grüße")));
    }

    public static void Received() =>
        Session.Run(
            connection =>
            {
                Check.Equal("one", connection.Receive().Text);
                Check.Equal("two", connection.Receive(Check.Limit).Text);
                var writer = new ArrayBufferWriter<byte>();
                Check.Equal(MessageKind.Binary, connection.Receive(writer, Check.Limit));
                Check.Equal("0304", Convert.ToHexString(writer.WrittenSpan));
                connection.ReceiveBorrowed(
                    (kind, payload) =>
                    {
                        Check.True(kind == MessageKind.Text);
                        Check.Equal("five", Encoding.UTF8.GetString(payload));
                    },
                    Check.Limit
                );
                Check.Equal("five and a half", FirstLent(connection).Text);
                Check.Equal("sixseven", Streamed(connection));
                using var rest = connection.GetEnumerator();
                Check.True(rest.MoveNext());
                Check.Equal("eight", rest.Current.Text);
                Check.Throws<TimeoutException>(() => connection.Receive(TimeSpan.Zero));
            },
            client =>
            {
                client.Send("one");
                client.Send("two");
                client.Send(3, 4);
                client.Send("five");
                client.Send("five and a half");
                client.Send("six", isLast: false);
                client.Send("seven");
                client.Send("eight");
                Check.Equal("five and a half", client.Receive());
                Check.Equal("closed 1000", client.Receive());
                client.Close();
            }
        );

    private static string Named(MessageKind kind)
    {
        switch (kind)
        {
            case MessageKind.Text:
                return "text";
            case MessageKind.Binary:
                return "bytes";
            default:
                return "neither";
        }
    }

    private static Message FirstLent(ServerConnection connection)
    {
        LentMessages messages = connection.Lent();
        foreach (var message in messages)
        {
            Check.True(message.IsText);
            Check.Equal("text", Named(message.Kind));
            Check.Equal(15, message.Data.Length);
            Check.Equal("five and a half", message.Text);
            Check.Equal("Text (15 bytes)", message.ToString());
            connection.Send(message);
            return message.ToMessage();
        }
        throw new InvalidOperationException("There was none.");
    }

    private static string Streamed(ServerConnection connection)
    {
        var text = "";
        MessageStream stream = connection.ReceiveStreaming(Check.Limit);
        Check.Throws<NotSupportedException>(stream.Reset);
        using var fragments = stream.GetEnumerator();
        while (stream.MoveNext())
        {
            Fragment fragment = stream.Current;
            Check.True(fragment.IsText);
            Check.Equal(MessageKind.Text, fragment.Kind);
            Check.Equal(fragment.Text.Length, fragment.Data.Length);
            text += fragment.Text;
            Check.Equal(text.EndsWith("seven", StringComparison.Ordinal), fragment.IsLast);
        }

        stream.Dispose();
        return text;
    }

    public static void Sent() =>
        Session.Run(
            connection =>
            {
                connection.Send("text");
                connection.Send("A"u8.ToArray());
                connection.Send("text"u8, MessageKind.Text);
                connection.Send("A"u8);
                connection.Send("A", MessageKind.Binary);
                connection.Send(new Message("message"));
                connection.Send(new ReadOnlySequence<byte>("text"u8.ToArray()), MessageKind.Text);
                connection.Send(["in ", "parts"]);
                connection.Send(["A", "B"], MessageKind.Binary);
                ReadOnlyMemory<byte>[] parts = ["A"u8.ToArray(), "B"u8.ToArray()];
                connection.Send(parts);
                connection.Send(parts, MessageKind.Text);
                IEnumerable<byte[]> arrays = ["A"u8.ToArray(), "B"u8.ToArray()];
                connection.Send(arrays);
                connection.Flush();
            },
            client =>
            {
                string[] expected =
                [
                    "text",
                    "41",
                    "text",
                    "41",
                    "41",
                    "message",
                    "text",
                    "in parts",
                    "4142",
                    "4142",
                    "AB",
                    "4142",
                    "closed 1000",
                ];
                foreach (var message in expected)
                    Check.Equal(message, client.Receive());
                client.Close();
            }
        );
}
