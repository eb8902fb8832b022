// Explains what one side of a WebSocket connection sent, frame by frame: fields, payload, the state after it, and the first broken
// rule. Takes hexadecimal bytes in the usual forms, or a recording of the flight recorder, as a server's log has it.
using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using FunctionalWs.Protocol;

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
    var replay = ReplayModule.RunWith(arguments.Change(recording.Settings), recording);
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
    var frames = new Frames(settings, bytes.AsMemory(start));
    while (frames.ExplainNext()) { }
    return frames.IsBroken ? 1 : 0;
}

// The end of the head, if there is one.
static int HeadSize(byte[] bytes)
{
    var isHead = bytes.AsSpan().StartsWith("GET "u8) || bytes.AsSpan().StartsWith("HTTP/"u8);
    var end = bytes.AsSpan().IndexOf("\r\n\r\n"u8);
    return isHead && end >= 0 ? end + 4 : 0;
}

/// <summary>The frames of one side, each explained as the connection's state machine takes it.</summary>
internal sealed class Frames(ConnectionSettings settings, ReadOnlyMemory<byte> bytes)
{
    private State state = Connection.Start;
    private long offset;

    /// <summary>True once a rule was broken.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Explains the next frame; false when there is none, or nothing more is read.</summary>
    public bool ExplainNext()
    {
        var rest = bytes[(int)offset..];
        if (rest.IsEmpty)
            return false;
        if (state is State.Draining)
        {
            Console.WriteLine(
                $"@{offset}  {rest.Length} bytes that nobody reads: the connection is over"
            );
            return false;
        }

        var buffer = new ReadOnlySequence<byte>(rest);
        var header = FrameReader.ReadHeader(settings, buffer);
        if (header.IsMalformed)
            return Refuse(rest, header.Error);
        if (header.IsComplete)
        {
            Print.Header(offset, rest.Span[..header.Header.Size], header.Header);
            var error = Connection.Check(settings, state, header.Header);
            if (error.IsSome)
                return Take(Input.NewBroken(error.Value), 0);
            if (rest.Length >= header.Header.FrameLength)
                return TakeFrame(header.Header, buffer);
        }
        Console.WriteLine($"@{offset}  incomplete: {rest.Length} bytes of {Expected(header)}");
        return false;
    }

    private static string Expected(HeaderParse header) =>
        header.IsComplete ? $"a frame of {header.Header.FrameLength}" : "a frame's header";

    private bool Refuse(ReadOnlyMemory<byte> rest, ProtocolError error)
    {
        Print.Bytes(offset, rest.Span[..Math.Min(rest.Length, FrameReader.MaxHeaderSize)]);
        return Take(Input.NewBroken(error), 0);
    }

    private bool TakeFrame(in FrameHeader header, in ReadOnlySequence<byte> buffer)
    {
        var frame = new Frame(header, buffer.Slice(header.Size, header.PayloadLength));
        var isCompressed =
            !OpcodeModule.IsControl(header.Opcode)
            && Connection.MessageBits(state, header) != ReservedBits.None;
        Print.Payload(header, FrameModule.ToArray(frame), isCompressed);
        return Take(Input.NewReceived(frame), header.FrameLength, isCompressed);
    }

    private bool Take(Input input, long size, bool isCompressed = false)
    {
        var before = state;
        // Compressed text is no text yet.
        var transition = Connection.Receive(isCompressed ? Unchecked : settings, state, input);
        state = transition.State;
        if (state is State.Draining { Closure: Closure.Failed failed })
        {
            IsBroken = true;
            Print.Violation(ViolationModule.OfInput(before, offset, input, failed.Error));
        }
        Print.State(transition);
        offset += size;
        return size > 0;
    }

    private ConnectionSettings Unchecked =>
        new(
            settings.Role,
            settings.Limits,
            validateText: false,
            settings.ReservedBits,
            settings.AllowLongLengths
        );
}

/// <summary>What is shown; in colour where a person looks.</summary>
internal static class Print
{
    private const int Shown = 60;
    private const string Indent = "        ";

    private static readonly bool HasColour =
        !Console.IsOutputRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    public static void Bytes(long offset, ReadOnlySpan<byte> bytes) =>
        Console.WriteLine($"{$"@{offset}", -6}  {Spaced(bytes)}");

    public static void Header(long offset, ReadOnlySpan<byte> bytes, in FrameHeader header)
    {
        Bytes(offset, bytes);
        var masked = header.MaskingKey.IsSome;
        var key = masked ? $", masked with {Convert.ToHexString(bytes[^4..])}" : ", not masked";
        Console.WriteLine(
            $"{Indent}{ReplayText.OfHeader(header)}: FIN {Bit(header.Fin)}, "
                + $"RSV {(int)header.ReservedBits:b3}, opcode {OpcodeModule.ToByte(header.Opcode):X}{key}"
        );
    }

    public static void Payload(in FrameHeader header, byte[] payload, bool isCompressed)
    {
        if (payload.Length == 0)
            return;
        var isText = !isCompressed && !header.Opcode.IsBinary && !header.Opcode.IsClose;
        var bytes = payload.AsSpan(0, Math.Min(payload.Length, isText ? Shown : Shown / 3));
        var more = bytes.Length < payload.Length ? $" ... {payload.Length} bytes" : "";
        var shown = isText ? $"\"{Escaped(bytes)}\"" : Spaced(bytes);
        Console.WriteLine($"{Indent}payload {shown}{more}{(isCompressed ? " (compressed)" : "")}");
    }

    public static void State(in Transition transition) =>
        Console.WriteLine(Coloured("36", $"{Indent}-> {ReplayText.OfTransition(transition)}"));

    public static void Violation(Violation violation)
    {
        Console.WriteLine(
            Coloured("1;31", $"{Indent}BROKEN at byte {violation.Offset}: {What(violation)}")
        );
        Console.WriteLine($"{Indent}{violation.Section}: {violation.Rule}");
        Console.WriteLine($"{Indent}close code {ProtocolErrorModule.CloseCode(violation.Error)}");
    }

    private static string What(Violation violation) =>
        ProtocolErrorModule.Describe(violation.Error);

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
