using System.Collections;

namespace FunctionalWs;

public sealed partial class ServerConnection
{
    /// <summary>
    /// Waits for the next message. Messages that came before the connection closed can still be received after it.
    /// </summary>
    /// <param name="timeout">
    /// How long at most; zero or less to take only what is there. Null, the default, waits for as long as the connection
    /// lives. After a timeout nothing is lost: the next call goes on where this one stopped.
    /// </param>
    /// <returns>A complete message.</returns>
    /// <exception cref="TimeoutException">No complete message came in time.</exception>
    /// <exception cref="ConnectionClosedOkException">The connection closed normally, and no message is left.</exception>
    /// <exception cref="ConnectionClosedErrorException">The connection ended abnormally, and no message is left.</exception>
    /// <exception cref="ConcurrencyException">Another thread is receiving.</exception>
    public Message Receive(TimeSpan? timeout = null)
    {
        RequireOpened();
        if (Interlocked.Exchange(ref isReceiving, 1) != 0)
            throw new ConcurrencyException(
                "Receive was called while another thread is in Receive."
            );
        try
        {
            if (driver.TryReceive(Deadline.After(options.TimeProvider, timeout), out var message))
                return message;
            throw new TimeoutException($"No message was received within {timeout}.");
        }
        finally
        {
            Volatile.Write(ref isReceiving, 0);
        }
    }

    /// <summary>Receives one message after another; ends when the connection closes normally.</summary>
    /// <exception cref="ConnectionClosedErrorException">The connection ended abnormally.</exception>
    /// <exception cref="ConcurrencyException">Another thread is receiving.</exception>
    public IEnumerator<Message> GetEnumerator()
    {
        while (true)
        {
            Message message;
            try
            {
                message = Receive();
            }
            catch (ConnectionClosedOkException)
            {
                yield break;
            }
            yield return message;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
