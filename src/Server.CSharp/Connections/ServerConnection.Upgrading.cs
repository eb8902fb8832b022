using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>On a stream of a web server, which has read the request and sends the answer.</content>
public partial class ServerConnection
{
    private bool isToBegin; // its handler is for messages, and has not been called

    /// <summary>Decides on a request that somebody else has read, and answers: <see cref="EndUpgrade"/> is told whether that was done.</summary>
    internal OpeningDecision DecideUpgrade(Request request)
    {
        var stream = (StreamTransport)transport;
        stream.Writable = driver.TryFlushOutput;
        var decision = Decide(request);
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
        if (stream.WillTell)
            return false;
        driver.Receiver.Exclusively(stream.Ask);
        return !stream.WillTell;
    }

    private static readonly Action<ServerConnection> BeginningTurn = connection =>
    {
        connection.isToBegin = false;
        connection.BeginHandler();
    };
}
