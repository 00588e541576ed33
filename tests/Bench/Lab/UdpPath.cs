using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Gateway.Interop.Net;

namespace Gateway.Bench.Lab;

/// <summary>What one sending came to. <see cref="Rate"/> is in packets per second as really sent.</summary>
internal readonly record struct UdpTrial(long Sent, long Received, double Seconds)
{
    internal double Rate => Sent / Seconds;

    internal double Loss => Sent == 0 ? 1 : Math.Max(0, 1 - ((double)Received / Sent));
}

/// <summary>
/// Datagrams from a host to another at a steady rate, counted on arrival. One thread sends, one receives, with one call per packet; its own cost
/// lies on the same processors as what it measures, and is the same for all contenders.
/// </summary>
internal sealed unsafe partial class UdpPath : IDisposable
{
    private const int _receiveBufferForce = 33, _socketLevel = 1;

    /// <summary>The receiver shall not lose what arrived while another program had the processor.</summary>
    private const int _receiveBuffer = 16 << 20;

    private readonly Socket _from;
    private readonly Socket _to;
    private readonly Thread _receiver;
    private readonly byte[] _packet;
    private volatile bool _ended;
    private long _run;
    private long _received;
    private long _firstAt;
    private long _lastAt;
    private long _longestGap;

    /// <param name="from">Namespace of the sender.</param>
    /// <param name="to">Namespace of the receiver.</param>
    /// <param name="address">The receiver's.</param>
    /// <param name="size">Bytes of the IPv4 packet.</param>
    internal UdpPath(Netns from, Netns to, string address, int size)
    {
        const int port = 5555, headers = 28;
        _packet = new byte[size - headers];
        _to = to.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        _to.SetRawSocketOption(_socketLevel, _receiveBufferForce, BitConverter.GetBytes(_receiveBuffer));
        _to.Bind(new IPEndPoint(IPAddress.Any, port));
        _to.ReceiveTimeout = 100;
        _from = from.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        _from.Connect(new IPEndPoint(IPAddress.Parse(address), port));
        _receiver = new Thread(Receive) { IsBackground = true, Name = "udp-receiver" };
        _receiver.Start();
    }

    /// <summary>Sends at a rate for a time and waits for the stragglers.</summary>
    internal UdpTrial Send(double rate, TimeSpan time)
    {
        Begin();
        var (start, sent) = (Stopwatch.GetTimestamp(), 0L);
        TimeSpan elapsed;
        while ((elapsed = Stopwatch.GetElapsedTime(start)) < time)
        {
            // After a pause that was forced on the sender it does not pour out all it owes at once.
            const int burst = 64;
            var due = Math.Min(elapsed.TotalSeconds * rate, sent + burst);
            if (sent >= due) Nap(100_000);
            for (; sent < due; sent++) SendOne();
        }

        for (var (seen, since) = (-1L, Stopwatch.GetTimestamp()); Volatile.Read(ref _received) < sent && Stopwatch.GetElapsedTime(since).TotalMilliseconds < 300;)
        {
            if (Volatile.Read(ref _received) is var now && now != seen) (seen, since) = (now, Stopwatch.GetTimestamp());
            Nap(2_000_000);
        }

        return new UdpTrial(sent, Volatile.Read(ref _received), elapsed.TotalSeconds);
    }

    /// <summary>The longest time between two arrivals since the sending began.</summary>
    internal TimeSpan LongestGap => Stopwatch.GetElapsedTime(0, Volatile.Read(ref _longestGap));

    /// <summary>Sends a packet every millisecond until one arrives, and gives the time stamp of its arrival.</summary>
    internal long SendUntilOneArrives(TimeSpan limit)
    {
        Begin();
        var start = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref _firstAt) == 0)
        {
            if (Stopwatch.GetElapsedTime(start) > limit) throw new TimeoutException($"No packet was forwarded within {limit.TotalSeconds} s.");
            SendOne();
            Nap(1_000_000);
        }

        return Volatile.Read(ref _firstAt);
    }

    public void Dispose()
    {
        _ended = true;
        _receiver.Join();
        _from.Dispose();
        _to.Dispose();
    }

    private void Begin()
    {
        var run = Interlocked.Increment(ref _run);
        BinaryPrimitives.WriteInt64LittleEndian(_packet, run);
        Volatile.Write(ref _received, 0);
        Volatile.Write(ref _firstAt, 0);
        Volatile.Write(ref _lastAt, 0);
        Volatile.Write(ref _longestGap, 0);
    }

    private void SendOne()
    {
        try
        {
            _from.Send(_packet);
        }
        catch (SocketException)
        {
            // An ICMP error of an earlier packet, or no room at the moment: it counts as sent and lost.
        }
    }

    private void Receive()
    {
        var buffer = new byte[_packet.Length];
        while (!_ended)
        {
            try
            {
                if (_to.Receive(buffer) < sizeof(long) || BinaryPrimitives.ReadInt64LittleEndian(buffer) != Volatile.Read(ref _run)) continue;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
            {
                continue;
            }

            var now = Stopwatch.GetTimestamp();
            if (_lastAt != 0) Volatile.Write(ref _longestGap, Math.Max(_longestGap, now - _lastAt));
            Volatile.Write(ref _lastAt, now);
            if (_firstAt == 0) Volatile.Write(ref _firstAt, Stopwatch.GetTimestamp());
            Volatile.Write(ref _received, _received + 1);
        }
    }

    private static void Nap(long nanoseconds)
    {
        var time = stackalloc long[2];
        time[1] = nanoseconds;
        _ = nanosleep(time, null);
    }

    [LibraryImport("libc")]
    private static partial int nanosleep(long* time, long* remaining);
}
