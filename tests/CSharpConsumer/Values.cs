using System.Buffers;
using FunctionalWs.Protocol;
using FunctionalWs.Routing;

/// <summary>Values of the pure libraries: members where F# has functions, and no type of F#'s own.</summary>
internal static class Values
{
    public static void Lists()
    {
        EquatableList<string> names = ["a", "b"];
        Check.True(names.Equals(EquatableList.Create(new List<string> { "a", "b" })));
        Check.Equal((2, "b", "a, b"), (names.Count, names[1], names.ToString()));
        Check.True(names.SequenceEqual(["a", "b"]));
        Check.Equal(
            HandshakeError.NewSubprotocol(["a", "b"]),
            HandshakeError.NewSubprotocol(names)
        );
    }

    public static void Frames()
    {
        var bytes = new ArrayBufferWriter<byte>();
        FrameWriter.Write(true, Opcode.Text, "hi"u8, 0x3d21fa37, bytes);
        var buffer = new ReadOnlySequence<byte>(bytes.WrittenMemory);
        var parse = FrameReader.Read(ConnectionSettings.Server, buffer);
        Check.True(parse.IsComplete);
        Check.True(
            FrameReader.Read(ConnectionSettings.Server, bytes.WrittenSpan.ToArray()).IsComplete
        );
        var frame = parse.Frame;
        Check.True(frame.ToArray().AsSpan().SequenceEqual("hi"u8));
        Check.True(frame.Header.TryGetMaskingKey(out var key) && key == 0x3d21fa37);
        var copy = new byte[2];
        frame.Header.CopyPayload(0, frame.Payload, copy);
        Check.True(copy.AsSpan().SequenceEqual("hi"u8));
        frame.Header.CopyPayload(frame.Payload.FirstSpan, copy);
        Check.True(copy.AsSpan().SequenceEqual("hi"u8));

        bytes.ResetWrittenCount();
        FrameWriter.Write(true, Opcode.Ping, [], bytes);
        Check.Equal((0x89, 0), (bytes.WrittenSpan[0], bytes.WrittenSpan[1]));
        var header = new byte[14];
        Check.Equal(2, FrameWriter.WriteHeader(true, ReservedBits.None, Opcode.Text, 1, header));
        Check.Equal(6, FrameWriter.WriteHeader(true, ReservedBits.None, Opcode.Text, 1, 7, header));

        Check.True(Opcode.TryOfByte(9, out var opcode) && opcode.IsControl);
        Check.True(opcode.ToByte() == 9 && !Opcode.TryOfByte(3, out _));
    }

    private static string Named(State state) =>
        state switch
        {
            State.Open => "open",
            State.CloseSent { Sent.Number: var code } => $"closing with {code}",
            State.Draining { Closure: Closure.Failed } => "failed",
            State.Draining => "draining",
            _ => "closed",
        };

    public static void Steps()
    {
        var transition = Connection.Receive(
            ConnectionSettings.Server,
            Connection.Start,
            Input.NewBroken(ProtocolError.MaskMissing)
        );
        Check.True(transition.TryGetOutput(out var output) && output.IsClose);
        Check.True(!transition.TryGetEvent(out _));
        var failed = ((State.Draining)transition.State).Closure;
        Check.True(failed.TryGetSent(out var status) && status.Number == 1002);
        var error = ((Closure.Failed)failed).Error;
        Check.Equal(status.Reason, error.Description);
        Check.True(status == CloseStatus.Create(CloseCode.ProtocolError, status.Reason));
        Check.True(
            Opcode.Ping != Opcode.Pong && ConnectionSettings.Server != ConnectionSettings.Client
        );
        Check.Equal("failed", Named(transition.State));
        Check.Equal("open", Named(Connection.Start));
        Check.Equal(("RFC 6455 §5.1", 1002), ($"{error.Section}", error.CloseCode.Value));
        Check.True(error.Rule.StartsWith("A client masks"));
        var broken = Violation.OfInput(Connection.Start, 5, Input.NewBroken(error), error);
        Check.Equal(6L, broken.Offset);

        var endpoint = WebSocketEndpoint.Create(ConnectionSettings.Server);
        Check.True(endpoint.Send(Command.NewNextFragment(true)).TryGetRefusal(out var refusal));
        Check.True(refusal.IsNoMessageBegun);
        Check.True(endpoint.Send(Command.NewMessage(DataKind.Text)).TryGetOutput(out _));
    }

    public static void Routes()
    {
        var rule = RouteRule
            .Create("user", Pattern("/users/<int:id>"))
            .WithSlashes(strict: false, merge: true);
        var moved = RouteRule
            .Create("user", Pattern("/u/<int:id>"))
            .WithScope(RouteScope.AnyHost)
            .WithDefaults(RouteValues.Empty)
            .AsAlias();
        var away = RouteRule
            .Create("away", Pattern("/away"))
            .WithRedirect(RouteRedirect.NewTemplate("https://example.com/"));
        Check.True(RouteTable.TryCreate(true, [rule, moved, away], out var table, out _));
        var start = new RouteBase(null, true);
        Check.True(Found("/users/7") is RouteMatch.Matched { Endpoint: "user" });
        Check.True(Found("/u/7") is RouteMatch.Redirect { Location: "/users/7" });
        Check.True(Found("/away") is RouteMatch.Redirect { Location: "https://example.com/" });
        var values = RouteValues.Create([new("id", 7)]);
        Check.True(table!.TryBuildPath("user", values, out var path, out _));
        Check.Equal("/users/7", path);
        Check.True(table.TryBuildUrl(start, "user", values, out var url, out _));
        Check.Equal("wss://localhost/users/7", url);
        Check.True(!table.TryBuildPath("user", RouteValues.Empty, out _, out var missing));
        Check.True(missing is RouteBuildError.MissingValues { Names: ["id"] });
        Check.True(!RoutePattern.TryParse("users", out _, out var wrong) && wrong.Position == 0);
        var build = RouteRule.Create("built", Pattern("/away")).AsBuildOnly();
        Check.True(RouteTable.TryCreate(true, [away, build], out _, out _));
        Check.True(!RouteTable.TryCreate(true, [away, away], out _, out var error));
        Check.Equal("/away", error.Rule);

        RouteMatch Found(string target) =>
            table!.Match(
                start,
                new Request("GET", target, "HTTP/1.1", Headers.Empty.Add("Host", "example.com"))
            );

        static RoutePattern Pattern(string text) =>
            RoutePattern.TryParse(text, out var pattern, out _)
                ? pattern
                : throw new Exception(text);
    }
}
