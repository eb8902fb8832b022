// Explains what one side of a WebSocket connection sent, frame by frame: fields, payload, the state after it, and the first broken
// rule. Takes hexadecimal bytes in the usual forms, or a recording of the flight recorder, as a server's log has it.
using System.Globalization;
using System.Text.RegularExpressions;
using FunctionalWs.Explore;
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
    var explanation =
        recording >= 0
            ? ExplainRecording(text[recording..], arguments)
            : ExplainBytes(HexDump.Parse(text), arguments);
    foreach (var line in explanation.Lines)
        Console.WriteLine(Print.Coloured(line));
    return explanation.IsSound ? 0 : 1;
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

static Explanation ExplainRecording(string text, Arguments arguments)
{
    var recording = RecordingText.OfText(text);
    return Explain.RecordingWith(arguments.Change(recording.Settings), recording);
}

static Explanation ExplainBytes(byte[] bytes, Arguments arguments)
{
    var settings = arguments.IsClient ? ConnectionSettings.Client : ConnectionSettings.Server;
    return Explain.Bytes(arguments.Change(settings), bytes);
}

/// <summary>What is shown; in colour where a person looks.</summary>
internal static class Print
{
    private static readonly bool HasColour =
        !Console.IsOutputRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    public static string Coloured(string line) =>
        !HasColour ? line
        : line.Contains("-> ") ? $"\e[36m{line}\e[0m"
        : line.TrimStart().StartsWith("BROKEN", StringComparison.Ordinal) ? $"\e[1;31m{line}\e[0m"
        : line;
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
