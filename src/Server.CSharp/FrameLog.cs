using FunctionalWs.Protocol;
using Microsoft.Extensions.Logging;

namespace FunctionalWs;

/// <summary>One record for each frame of a connection, at Debug. Sizes and kinds only: payloads are nobody's business.</summary>
internal sealed partial class FrameLog(ILogger logger, ServerConnection connection)
{
    public void Received(in FrameHeader header)
    {
        using var scope = Log.BeginConnection(logger, connection);
        FrameReceived($"{header.Opcode}", header.PayloadLength, Continued(header.Fin));
    }

    public void Received(in Input input)
    {
        if (input.IsReceived)
            Received(input.Frame.Header);
        else
            Ended(input.IsBroken ? ProtocolErrorModule.Describe(input.Error) : "end of stream");
    }

    public void Sent(Opcode opcode, bool fin, int size)
    {
        using var scope = Log.BeginConnection(logger, connection);
        FrameSent($"{opcode}", size, Continued(fin));
    }

    public void Sent(Command message, int size)
    {
        var isText = message is Command.Message { Kind.IsText: true };
        Sent(isText ? Opcode.Text : Opcode.Binary, fin: true, size);
    }

    private void Ended(string reason)
    {
        using var scope = Log.BeginConnection(logger, connection);
        ReceivingEnded(reason);
    }

    private static string Continued(bool fin) => fin ? "" : ", continued";

    [LoggerMessage(40, LogLevel.Debug, "< {Opcode}, {Size} bytes{Continued}")]
    private partial void FrameReceived(string opcode, long size, string continued);

    [LoggerMessage(41, LogLevel.Debug, "> {Opcode}, {Size} bytes{Continued}")]
    private partial void FrameSent(string opcode, int size, string continued);

    [LoggerMessage(42, LogLevel.Debug, "< {Reason}")]
    private partial void ReceivingEnded(string reason);
}
