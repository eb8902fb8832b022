// Explains what one side of a WebSocket connection sent, frame by frame: fields, payload, the state after it, and the first broken
// rule. Takes hexadecimal bytes in the usual forms, or a recording of the flight recorder, as a server's log has it.
using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using FunctionalWs.Protocol;
using Microsoft.FSharp.Core;

const string Usage = """
    usage: Explain [OPTION...] FILE | - | HEX...

    Explains bytes that were received on a WebSocket connection. FILE or standard input (-) holds a dump as of xxd, hexdump -C or
    tcpdump -X, plain hexadecimal digits, or a line with a recording. A request's head before the frames is skipped.

      --role server|client   who receives: a server, from a client that masks (the default); or a client
      --max-size BYTES       the largest message that is accepted
      --max-frame BYTES      the largest frame of a message
      --max-frames N         the most frames of a message
      --no-utf8              text is not checked
      --rsv1                 compression was agreed on; compressed messages are not looked into
      --long-lengths         lengths need not be in their shortest form

    For a recording, these change the settings that it was made with. Exit code: 0 when no rule is broken, 1 when one is, 2 when
    the arguments or the bytes can't be read.

    example: Explain 81 85 37fa213d 7f9f4d5158  83 80
    """;

try
{
    var arguments = Arguments.Parse(args);
    var text = arguments.Read();
    var recording = text.IndexOf("ws-recording/", StringComparison.Ordinal);
    return recording >= 0
        ? ExplainRecording(text[recording..], arguments)
        : ExplainBytes(HexDump.Parse(text), arguments);
}
catch (Exception error)
    when (error
            is FormatException
                or IOException
                or UnauthorizedAccessException
                or ArgumentOutOfRangeException
    )
{
    Console.Error.WriteLine(error.Message);
    Console.Error.WriteLine(Usage);
    return 2;
}

static int ExplainRecording(string text, Arguments arguments)
{
    var recording = RecordingText.OfText(text);
    var replay = Replay.RunWith(arguments.Change(recording.Settings), recording);
    foreach (var line in ReplayText.Lines(replay))
        Console.WriteLine(line);
    if (replay.Violation.IsNone)
        return 0;
    Print.Violation(replay.Violation.Value);
    return 1;
}

static int ExplainBytes(byte[] bytes, Arguments arguments)
{
    var settings = arguments.Change(
        arguments.IsClient ? ConnectionSettings.Client : ConnectionSettings.Server
    );
    var start = HeadSize(bytes);
    if (start > 0)
        Console.WriteLine(
            $"{start} bytes of an opening handshake; the first byte after it is byte 0"
        );
    return Frames.Explain(settings, bytes[start..]) ? 0 : 1;
}

// The end of the head, if there is one.
static int HeadSize(byte[] bytes)
{
    var isHead = bytes.AsSpan().StartsWith("GET "u8) || bytes.AsSpan().StartsWith("HTTP/"u8);
    var end = bytes.AsSpan().IndexOf("\r\n\r\n"u8);
    return isHead && end >= 0 ? end + 4 : 0;
}

/// <summary>The frames of one side, each explained as an endpoint takes it.</summary>
internal static class Frames
{
    /// <summary>Explains all frames; false when a rule is broken.</summary>
    public static bool Explain(ConnectionSettings settings, byte[] bytes)
    {
        var (recording, end) = Take(settings, bytes);
        var replay = Replay.Run(recording);
        foreach (var step in replay.Steps)
            Print.Step(step, bytes);
        var last = replay.StateAfter(replay.Steps.Length);
        var why =
            last is State.Draining ? "that nobody reads: the connection is over" : "of a frame";
        if (end < bytes.Length)
            Console.WriteLine($"@{end}  {bytes.Length - end} bytes {why}");
        return replay.Violation.IsNone;
    }

    /// <summary>What an endpoint takes, and where its last frame ends.</summary>
    private static (Recording, int) Take(ConnectionSettings settings, byte[] bytes)
    {
        var all = RecorderLimits.Create(int.MaxValue, int.MaxValue);
        var recorder = new Recorder(all, settings, DateTimeOffset.UnixEpoch);
        var decoder = recorder.Watch(new Unopened());
        var endpoint = WebSocketEndpoint.Create(settings);
        var nowhere = new ArrayBufferWriter<byte>();
        var taken = 0;
        var end = 0;
        while (taken < bytes.Length && !endpoint.IsReceivingOver)
        {
            var rest = bytes.AsSpan(taken);
            var step = endpoint.Receive(rest, nowhere, nowhere, 0, decoder);
            recorder.Received(TimeSpan.Zero, rest[..step.Consumed], step);
            endpoint = step.Next;
            taken += step.Consumed;
            end = step.Incoming.IsNothing ? end : taken;
        }
        return (recorder.ToRecording(), end);
    }
}

/// <summary>Compressed messages are not looked into.</summary>
internal sealed class Unopened : PayloadDecoder
{
    public override ReadOnlySpan<byte> Decoded => default;

    public override FSharpValueOption<ProtocolError> Decode(
        ReservedBits bits,
        ReadOnlySpan<byte> data,
        bool endOfMessage,
        long room
    ) => default;

    public override void Skip(int count) { }
}

/// <summary>What is shown; in colour where a person looks.</summary>
internal static class Print
{
    private const int Shown = 60;
    private const string Indent = "        ";

    private static readonly bool HasColour =
        !Console.IsOutputRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    public static void Step(ReplayedStep step, byte[] bytes)
    {
        var offset = (int)step.Recorded.Offset;
        switch (step.Recorded.What)
        {
            case Recorded.Received frame:
                Header(offset, bytes.AsSpan(offset, frame.Header.Size), frame.Header);
                if (frame.Ending.IsCut && step.Violation.IsNone)
                    return; // there is more to come
                Payload(frame.Header, ((RecordedPayload.Bytes)frame.Payload).Bytes);
                break;
            case Recorded.Refused refused:
                Bytes(offset, refused.Header);
                break;
        }
        if (step.Violation.IsSome)
            Violation(step.Violation.Value);
        Console.WriteLine(Coloured("36", $"{Indent}-> {ReplayText.OfTransition(step.Transition)}"));
    }

    private static void Bytes(long offset, ReadOnlySpan<byte> bytes) =>
        Console.WriteLine($"{$"@{offset}", -6}  {Spaced(bytes)}");

    private static void Header(long offset, ReadOnlySpan<byte> bytes, in FrameHeader header)
    {
        Bytes(offset, bytes);
        var masked = header.MaskingKey.IsSome;
        var key = masked ? $", masked with {Convert.ToHexString(bytes[^4..])}" : ", not masked";
        Console.WriteLine(
            $"{Indent}{ReplayText.OfHeader(header)}: FIN {Bit(header.Fin)}, "
                + $"RSV {(int)header.ReservedBits:b3}, opcode {header.Opcode.ToByte():X}{key}"
        );
    }

    private static void Payload(in FrameHeader header, byte[] payload)
    {
        if (payload.Length == 0)
            return;
        var isText = !header.Opcode.IsBinary && !header.Opcode.IsClose;
        var bytes = payload.AsSpan(0, Math.Min(payload.Length, isText ? Shown : Shown / 3));
        var more = bytes.Length < payload.Length ? $" ... {payload.Length} bytes" : "";
        var shown = isText ? $"\"{Escaped(bytes)}\"" : Spaced(bytes);
        Console.WriteLine($"{Indent}payload {shown}{more}");
    }

    public static void Violation(Violation violation)
    {
        Console.WriteLine(
            Coloured("1;31", $"{Indent}BROKEN at byte {violation.Offset}: {What(violation)}")
        );
        Console.WriteLine($"{Indent}{violation.Section}: {violation.Rule}");
        Console.WriteLine($"{Indent}close code {violation.Error.CloseCode}");
    }

    private static string What(Violation violation) => violation.Error.Description;

    private static int Bit(bool value) => value ? 1 : 0;

    private static string Spaced(ReadOnlySpan<byte> bytes) =>
        Regex.Replace(Convert.ToHexString(bytes).ToLowerInvariant(), "..(?!$)", "$0 ");

    private static string Escaped(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        foreach (var rune in Encoding.UTF8.GetString(bytes).EnumerateRunes())
            text.Append(Rune.IsControl(rune) ? $"\\u{rune.Value:X4}" : rune.ToString());
        return text.ToString();
    }

    private static string Coloured(string colour, string text) =>
        HasColour ? $"\e[{colour}m{text}\e[0m" : text;
}

/// <summary>Bytes out of the dumps that people have.</summary>
internal static partial class HexDump
{
    /// <exception cref="FormatException">There is something else than hexadecimal bytes.</exception>
    public static byte[] Parse(string text)
    {
        var digits = string.Concat(text.Split('\n').Select(Digits));
        if (digits.Length == 0)
            throw new FormatException("There are no bytes to explain.");
        try
        {
            return Convert.FromHexString(digits);
        }
        catch (FormatException error)
        {
            throw new FormatException("These are no bytes in hexadecimal.", error);
        }
    }

    private static string Digits(string line)
    {
        var bytes = Offset().Replace(line.TrimEnd('\r'), "");
        if (bytes.Length < line.TrimEnd('\r').Length)
            bytes = Characters().Replace(bytes, "");
        return Filler().Replace(bytes, "");
    }

    // "00000010: " of xxd, "0x0010:  " of tcpdump, "00000010  " of hexdump.
    [GeneratedRegex(@"^\s*(?:(?:0x)?[0-9a-fA-F]{4,8}:\s*|[0-9a-fA-F]{8}(?:  |$))")]
    private static partial Regex Offset();

    // The column of characters: between bars, or after the bytes of a line and two blanks.
    [GeneratedRegex(
        @"\s*\|.*$|(?<=^(?:[0-9a-fA-F]{2,4} )*[0-9a-fA-F]{2,4})  (?![0-9a-fA-F]{2} ).*$"
    )]
    private static partial Regex Characters();

    [GeneratedRegex(@"0x|\\x|[\s,]")]
    private static partial Regex Filler();
}

/// <summary>What the command line says.</summary>
internal sealed class Arguments
{
    private readonly List<string> rest = [];
    private readonly Dictionary<string, long> limits = [];
    private readonly HashSet<string> flags = [];
    private string? role;

    public bool IsClient => role == "client";

    /// <exception cref="FormatException">An argument is wrong.</exception>
    public static Arguments Parse(string[] args)
    {
        var arguments = new Arguments();
        for (var i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--role" when i + 1 < args.Length && args[i + 1] is "server" or "client":
                    arguments.role = args[++i];
                    break;
                case "--max-size" or "--max-frame" or "--max-frames" when i + 1 < args.Length:
                    arguments.limits[args[i]] = Number(args[++i]);
                    break;
                case "--no-utf8" or "--rsv1" or "--long-lengths":
                    arguments.flags.Add(args[i]);
                    break;
                case ['-', '-', ..]:
                    throw new FormatException($"{args[i]} is not known, or lacks its value.");
                default:
                    arguments.rest.Add(args[i]);
                    break;
            }
        }
        return arguments.rest.Count > 0
            ? arguments
            : throw new FormatException("There is nothing to explain.");
    }

    private static long Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FormatException($"{text} is no number of bytes or frames.");

    /// <summary>The text of the dump.</summary>
    public string Read() =>
        rest switch
        {
            ["-"] => Console.In.ReadToEnd(),
            [var file] when File.Exists(file) => File.ReadAllText(file),
            [var only] when !Hex.IsMatch(only) && !only.Contains("ws-recording/") =>
                throw new FormatException($"{only} is no file and no bytes in hexadecimal."),
            _ => string.Join(' ', rest),
        };

    private static readonly Regex Hex = new(@"^[0-9a-fA-Fx\\,\s]+$");

    /// <summary>Settings with what the options say.</summary>
    public ConnectionSettings Change(ConnectionSettings settings) =>
        new(
            role is null ? settings.Role
                : IsClient ? Role.Client
                : Role.Server,
            Limits.Create(
                limits.GetValueOrDefault("--max-size", settings.Limits.MaxMessageSize),
                limits.GetValueOrDefault("--max-frame", settings.Limits.MaxFragmentSize),
                (int)limits.GetValueOrDefault("--max-frames", settings.Limits.MaxFragments)
            ),
            settings.ValidateText && !flags.Contains("--no-utf8"),
            flags.Contains("--rsv1") ? ReservedBits.Rsv1 : settings.ReservedBits,
            settings.AllowLongLengths || flags.Contains("--long-lengths")
        );
}
