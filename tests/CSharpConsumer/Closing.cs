using System.Net.WebSockets;
using FunctionalWs;
using FunctionalWs.Protocol;

/// <summary>Pings, closings and what they leave behind.</summary>
internal static class Closing
{
    public static void Pinged() =>
        Session.Run(
            connection =>
            {
                connection.Pong();
                connection.Pong("alive"u8);
                PendingPing ping = connection.Ping("are you there?"u8);
                PendingPing other = connection.Ping();
                connection.Receive(Check.Limit); // reads the pongs on its way
                Check.True(ping.Wait(Check.Limit));
                Check.True(ping.IsAnswered);
                Check.True(other.Wait(Check.Limit));
                Check.True(connection.Latency > TimeSpan.Zero);
            },
            client =>
            {
                // The client answers pings while it receives.
                var closed = Task.Run(client.Receive);
                client.Send("x");
                Check.Equal("closed 1000", closed.Result);
                client.Close();
            }
        );

    public static void ByServer()
    {
        ServerConnection? kept = null;
        Session.Run(
            connection =>
            {
                kept = connection;
                Check.Equal(ConnectionState.Open, connection.State);
                Check.True(!connection.Closed.IsCancellationRequested);
                Check.True(!connection.WaitClosed(TimeSpan.Zero));
                connection.Close(CloseCode.GoingAway, "bye");
                Check.True(connection.Closed.IsCancellationRequested);
                Check.True(connection.WaitClosed(Check.Limit));
                var ok = Check.Throws<ConnectionClosedOkException>(() => connection.Receive());
                Check.Equal(false, ok.ReceivedFirst);
                Check.Equal("1001 'bye'", $"{ok.Sent}");
                Check.Equal(1001, ok.Received?.Number);
            },
            client =>
            {
                Check.Equal("closed 1001", client.Receive());
                client.Close(WebSocketCloseStatus.EndpointUnavailable);
            }
        );
        Check.Eventually(() => kept!.State is ConnectionState.Closed);
        Check.Equal(1001, kept!.CloseCode);
        Check.Equal("", kept.CloseReason);
        Check.Equal(1001, kept.Received?.Number);
        Check.Equal("bye", kept.Sent?.Reason);
    }

    /// <summary>A client that breaks the protocol: a frame without a mask.</summary>
    public static void Abnormal()
    {
        var handled = new TaskCompletionSource();
        var recorder = new FlightRecorderOptions { MaxSteps = 5, MaxPayloadBytes = 6 };
        var recording = new ServerOptions { FlightRecorder = recorder };
        using var server = Server.Serve(
            Session.Reporting(
                connection =>
                {
                    var error = Check.Throws<ConnectionClosedErrorException>(() =>
                        connection.Receive()
                    );
                    ConnectionClosedException general = error;
                    Check.Equal(1002, general.Sent?.Number);
                    var cause = (WebSocketProtocolException)error.InnerException!;
                    Check.Equal(ProtocolError.MaskMissing, cause.Error);
                    Check.True(cause.CloseCode == CloseCode.ProtocolError);
                    Check.Equal(1L, cause.Violation.Offset);
                    Check.Equal("RFC 6455 §5.1", cause.Violation.Section.ToString());
                    Check.Equal(recorder, recording.FlightRecorder);
                    Check.True(recorder.MaxSteps == 5 && recorder.MaxPayloadBytes == 6);
                    var text = RecordingText.Format(connection.Recording!);
                    var replay = Replay.Run(RecordingText.OfText(text));
                    Check.Equal(0, ReplayText.Differences(replay).Length);
                    Check.True(ReplayText.Lines(replay)[0].Contains("incorrect masking"));
                },
                handled
            ),
            "127.0.0.1",
            0,
            recording
        );
        server.Start();
        using var client = PlatformClient.ConnectRaw(server.LocalEndPoint!);
        client.Send([0x81, 0x00]);
        Session.Await(handled);
    }

    public static void Refused() =>
        Session.Run(
            connection =>
            {
                var refused = Check.Throws<ConcurrencyException>(() =>
                    connection.ReceiveBorrowed((_, _) => connection.Receive())
                );
                // Programs that wrap a connection refuse such calls in the same words.
                Check.Equal(refused.Message, new ConcurrencyException(refused.Message).Message);
                var bytes = Check.Throws<NotTextException>(() =>
                    new Message(new byte[] { 0xFF }).Text.ToString()
                );
                Check.Equal(MessageKind.Binary, bytes.Kind);
            },
            client =>
            {
                client.Send("x");
                Check.Equal("closed 1000", client.Receive());
                client.Close();
            }
        );

    public static void States()
    {
        ConnectionState[] inOrder =
        [
            ConnectionState.Connecting,
            ConnectionState.Open,
            ConnectionState.Closing,
            ConnectionState.Closed,
        ];
        Check.True(inOrder.SequenceEqual(inOrder.Order()));
    }
}
