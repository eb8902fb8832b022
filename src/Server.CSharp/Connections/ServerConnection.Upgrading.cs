using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>On a stream of a web server, which has read the request and sends the answer.</content>
public partial class ServerConnection
{
    private bool isToBegin; // its handler is for messages, and has not been called

    /// <summary>Decides on a request that somebody else has read, and answers: <see cref="EndUpgrade"/> is told whether that was done.</summary>
    /// <param name="parse">The request, or what is wrong with its head.</param>
    /// <param name="isUpgradable">False when the web server can't upgrade it.</param>
    internal OpeningDecision DecideUpgrade(RequestParse parse, bool isUpgradable)
    {
        var stream = (StreamTransport)transport;
        stream.Writable = () => Guard.Run(this, Flushing, LifeFailed);
        var decision = Decide(parse);
        if (decision.IsAccepted && !isUpgradable)
            decision = decision.Reject(
                opening.Plain(400, "The web server can't upgrade this request.\n"),
                "the web server can't upgrade the request: it has a body, or Connection isn't as it should be"
            );
        Agree(decision);
        return decision;
    }

    /// <summary>The answer was sent, or could not be; true when it has opened the connection. One that isn't open has ended then.</summary>
    internal bool EndUpgrade(OpeningDecision decision, bool isAnswered)
    {
        if (isAnswered && !decision.IsAccepted)
            log.HandshakeAnswered(this, decision.Response!, decision.Reason);
        if (EndOpening(decision, isAnswered))
            return true;
        if (!isAnswered)
            log.HandshakeIgnored("the answer could not be sent", OpeningFailure);
        EndHere();
        Server.Ended(this);
        return false;
    }

    /// <summary>Its life goes on in turns on the thread pool, from its handler's first call on.</summary>
    internal void BeginInPool(Action<ServerConnection> handler)
    {
        this.handler = handler;
        isToBegin = true;
        ParkInPool();
    }

    /// <summary>The connection goes on in turns on the thread pool.</summary>
    internal void ParkInPool()
    {
        var stream = (StreamTransport)transport;
        var seat = new PoolSeat(this);
        Seat = seat;
        stream.Readable = seat.BeReadable;
        stream.ReadingEnded = seat.Nudge;
        driver.Receiver.Exclusively(stream.StopWaiting);
        seat.Begin();
    }

    /// <summary>After a turn: false when its seat will be told of what comes next.</summary>
    internal bool HasMoreToRead()
    {
        var stream = (StreamTransport)transport;
        var willTell = false;
        // In one: whoever reads in between would take what was told, and nobody would ask again.
        driver.Receiver.Exclusively(() =>
        {
            stream.Ask();
            willTell = stream.WillTell;
        });
        return !willTell;
    }

    private static readonly Action<ServerConnection> Flushing = connection =>
        connection.driver.TryFlushOutput();

    private static readonly Action<ServerConnection> BeginningTurn = connection =>
    {
        connection.isToBegin = false;
        connection.BeginHandler();
    };
}
