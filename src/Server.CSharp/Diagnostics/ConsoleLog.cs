using System.Text;
using Microsoft.Extensions.Logging;

namespace FunctionalWs;

/// <summary>
/// A log on standard error, for programs that have no other: one line for a record, then the lines of its exception, 16,384 characters at
/// most. What would change the terminal, or look like another record, is escaped: an exception may quote a peer. Safe from any thread.
/// </summary>
/// <example>
/// <code>
/// new ServerOptions { LoggerFactory = ConsoleLog.Information }
/// </code>
/// </example>
public static class ConsoleLog
{
    private const int MaxLength = 16_384;

    /// <summary>What a handler has thrown, and what else an operator should see: the default of all options.</summary>
    public static ILoggerFactory Warnings { get; } = new Factory(LogLevel.Warning);

    /// <summary>Each connection's beginning and end, too.</summary>
    public static ILoggerFactory Information { get; } = new Factory(LogLevel.Information);

    /// <summary>Each frame, too.</summary>
    public static ILoggerFactory Everything { get; } = new Factory(LogLevel.Trace);

    private sealed class Factory(LogLevel least) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) => new Logger(categoryName, least);

        /// <summary>For whoever makes loggers of several kinds; there is one kind here.</summary>
        public void AddProvider(ILoggerProvider provider) =>
            throw new NotSupportedException("A log on the console takes no provider.");

        public void Dispose() { }
    }

    private sealed class Logger(string category, LogLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least && logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        )
        {
            if (!IsEnabled(logLevel))
                return;
            var text = new StringBuilder(
                PeerText.Escape(
                    Invariant(
                        $"{Name(logLevel)}: {category}[{eventId.Id}]: {formatter(state, exception)}"
                    ),
                    MaxLength
                )
            );
            foreach (var line in exception?.ToString().Split('\n') ?? [])
            {
                if (text.Length >= MaxLength)
                    break;
                text.Append("\n    ")
                    .Append(PeerText.Escape(line.TrimEnd('\r'), MaxLength - text.Length));
            }
            Console.Error.WriteLine(text.ToString());
        }

        private static string Name(LogLevel level) => level.ToString().ToLowerInvariant();
    }
}
