// One of several processes that serve the same rooms. A room is a stream in Redis: whoever says something adds an entry, and each
// process reads the streams of the rooms that its clients are in. See docs/scaling-out.md; .ci/scaleout runs it all.
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using System.Web;
using FunctionalWs;
using FunctionalWs.Protocol;
using StackExchange.Redis;

if (args is not [var path, var redisPath, var name])
{
    Console.Error.WriteLine("usage: ScaleOut SOCKET REDIS_SOCKET NAME");
    return 2;
}

var redisOptions = new ConfigurationOptions
{
    EndPoints = { new UnixDomainSocketEndPoint(redisPath) },
};
using var redis = ConnectionMultiplexer.Connect(redisOptions);
var rooms = new Rooms(redis, name);
new Thread(rooms.Follow) { IsBackground = true, Name = "streams" }.Start();

UrlMap urlMap = [Rule.For<string>("/room/{room:maxlength(32)}", rooms.Join)];
var options = new ServerOptions
{
    MaxMessageSize = 32 * 1024,
    MaxBroadcastQueue = 256 * 1024, // what may wait for one slow client ..
    SlowPeerPolicy = SlowPeerPolicy.Disconnect, // .. before it is sent away: it comes back and reads on in the stream
};
using var server = Router.UnixRoute(urlMap, path, options: options);
Console.WriteLine($"{name} listens on {path}");
return server.Run(); // tells everybody 1001: they come back, to another process

/// <summary>The rooms that clients of this process are in.</summary>
internal sealed class Rooms(ConnectionMultiplexer redis, string process)
{
    private const int PageSize = 100;
    private const int MaxHeld = 10_000; // entries of a room; who was away for longer has missed something

    private static readonly RedisChannel News = RedisChannel.Literal("rooms");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly IDatabase database = redis.GetDatabase();
    private readonly AutoResetEvent woken = new(false);
    private readonly Lock gate = new();
    private readonly Dictionary<string, Room> rooms = [];

    /// <summary>The handler of /room/{room}?after=ID: runs on the connection's own thread.</summary>
    public void Join(ServerConnection connection, string name)
    {
        var member = new Member(connection);
        var room = Enter(name, member, RequestedPosition(connection.Request));
        try
        {
            connection.Send(JsonSerializer.Serialize(new { process }));
            CatchUp(name, room, member);
            foreach (var message in connection)
                Say(name, message.Text);
        }
        finally
        {
            Leave(name, room, member);
        }
    }

    /// <summary>The one reader of this process: waits for news, reads all streams at once, passes on and never waits for a client.</summary>
    public void Follow()
    {
        redis.GetSubscriber().Subscribe(News, (_, _) => woken.Set());
        while (true)
        {
            // News are a hint and may get lost. What counts is in the streams.
            woken.WaitOne(Patience);
            try
            {
                while (PassOn()) { }
            }
            catch (RedisException error)
            {
                // Nothing is lost: the next try goes on after the last entry that was passed on.
                Console.Error.WriteLine($"{process}: {error.Message}");
            }
        }
    }

    private Room Enter(string name, Member member, EntryId? after)
    {
        var newest = Newest(name);
        member.Position = after ?? newest; // nothing asked for: from now on
        lock (gate)
        {
            if (!rooms.TryGetValue(name, out var room))
                rooms[name] = room = new Room { Position = newest };
            room.Visitors++;
            return room;
        }
    }

    private void Leave(string name, Room room, Member member)
    {
        lock (gate)
        {
            room.Live.Remove(member);
            if (--room.Visitors == 0)
                rooms.Remove(name);
        }
    }

    /// <summary>
    /// Sends what the client has missed, page by page, as fast as it reads. It goes live under the lock, at a position that is
    /// not before the reader's: all entries up to it have been sent here, all after it are the reader's.
    /// </summary>
    private void CatchUp(string name, Room room, Member member)
    {
        while (true)
        {
            foreach (
                var entry in database.StreamRange(Key(name), $"({member.Position}", "+", PageSize)
            )
            {
                member.Connection.Send(ToJson(entry));
                member.Position = EntryId.Parse(entry.Id!);
            }
            lock (gate)
            {
                if (member.Position < room.Position)
                    continue;
                room.Live.Add(member);
                return;
            }
        }
    }

    private void Say(string name, string text)
    {
        NameValueEntry[] fields = [new("text", text), new("process", process)];
        database.StreamAdd(Key(name), fields, maxLength: MaxHeld, useApproximateMaxLength: true);
        database.Publish(News, RedisValue.EmptyString, CommandFlags.FireAndForget);
    }

    /// <summary>Passes on a page of each stream; false when there was nothing.</summary>
    private bool PassOn()
    {
        StreamPosition[] positions;
        lock (gate)
            positions =
            [
                .. rooms.Select(room => new StreamPosition(
                    Key(room.Key),
                    $"{room.Value.Position}"
                )),
            ];
        if (positions.Length == 0)
            return false;
        var streams = database.StreamRead(positions, PageSize);
        foreach (var stream in streams)
            lock (gate)
                if (rooms.TryGetValue(NameOf(stream.Key!), out var room))
                    room.PassOn(stream.Entries);
        return streams.Length > 0;
    }

    private EntryId Newest(string name) =>
        database.StreamRange(Key(name), "-", "+", 1, Order.Descending) is [var newest]
            ? EntryId.Parse(newest.Id!)
            : default;

    private static string Key(string name) => $"room:{name}";

    private static string NameOf(string key) => key["room:".Length..];

    /// <summary>What the entry is to clients.</summary>
    public static string ToJson(StreamEntry entry) =>
        JsonSerializer.Serialize(
            new
            {
                id = (string?)entry.Id,
                process = (string?)entry["process"],
                text = (string?)entry["text"],
            }
        );

    private static EntryId? RequestedPosition(Request request)
    {
        var query = request.Target.Split('?', 2) is [_, var found] ? found : "";
        return EntryId.TryParse(HttpUtility.ParseQueryString(query)["after"], out var id)
            ? id
            : null;
    }
}

/// <summary>A room as this process sees it. Used under the lock of the rooms.</summary>
internal sealed class Room
{
    /// <summary>The last entry that was passed on to those who are live.</summary>
    public EntryId Position { get; set; }

    /// <summary>Connections that are in the room, those that catch up included.</summary>
    public int Visitors { get; set; }

    public HashSet<Member> Live { get; } = [];

    public void PassOn(StreamEntry[] entries)
    {
        foreach (var entry in entries)
        {
            var id = EntryId.Parse(entry.Id!);
            if (id <= Position)
                continue; // the room was left and entered again while it was read
            // Who has caught up beyond this entry has it already.
            var missing = Live.Where(member => member.Position < id)
                .Select(member => member.Connection);
            Broadcast.Send(missing, Rooms.ToJson(entry));
            Position = id;
        }
    }
}

/// <summary>A client in a room, and the last entry that it was sent while it caught up.</summary>
internal sealed class Member(ServerConnection connection)
{
    public ServerConnection Connection { get; } = connection;

    public EntryId Position { get; set; }
}

/// <summary>The id of an entry in a stream: milliseconds and a number, which only grow.</summary>
internal readonly record struct EntryId(ulong Time, ulong Number)
{
    public static bool operator <(EntryId left, EntryId right) =>
        (left.Time, left.Number).CompareTo((right.Time, right.Number)) < 0;

    public static bool operator >(EntryId left, EntryId right) => right < left;

    public static bool operator <=(EntryId left, EntryId right) => !(right < left);

    public static bool operator >=(EntryId left, EntryId right) => !(left < right);

    public static EntryId Parse(string text) =>
        TryParse(text, out var id)
            ? id
            : throw new FormatException($"'{text}' is no id of an entry.");

    public static bool TryParse(string? text, out EntryId id)
    {
        id = default;
        if (text?.Split('-') is not [var time, var number])
            return false;
        var isId =
            ulong.TryParse(
                time,
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var parsedTime
            )
            & ulong.TryParse(
                number,
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var parsedNumber
            );
        id = new EntryId(parsedTime, parsedNumber);
        return isId;
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Time}-{Number}");
}
