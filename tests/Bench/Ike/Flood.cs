using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Gateway.Bench.Harness;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;
using Microsoft.Win32.SafeHandles;

namespace Gateway.Bench.Ike;

/// <summary>
/// Set-ups of honest peers while a stranger sends IKE_SA_INIT requests that look right, each from another address, and answers nothing.
/// </summary>
internal static class Flood
{
    internal const int Rate = 50_000;

    private const int _rounds = 5;
    private const int _peers = 4000;

    /// <summary>Half-open IKE SAs of one address that the default thresholds let through at once.</summary>
    private const int _atOnce = 4;

    private static readonly TimeSpan _time = TimeSpan.FromSeconds(4);

    internal static void Run(Report report)
    {
        using var ours = Responder.Gateway(LoadProfile.Psk(), _peers, guarded: true);
        using var theirs = Responder.StrongSwan(LoadProfile.Psk(), _peers, guarded: true);
        Responder[] both = [ours, theirs];
        foreach (var responder in both)
        {
            responder.Load.SetUp(0, 1000, _atOnce, TimeSpan.FromSeconds(20));
            responder.Load.Clear();
        }

        var (rate, calm, memory) = (Table(), Table(), Table());
        var sent = 0.0;
        for (var round = 0; round < _rounds; round++)
            for (var i = 0; i < both.Length; i++)
            {
                var who = both[(i + round) % both.Length];
                var at = Array.IndexOf(both, who);
                calm[at][round] = who.Load.SetUp(0, _peers, _atOnce, _time).Rate;
                who.Load.Clear();
                using (var flood = new FloodSender(who.Middle, who.Load.FirstRequest!, Rate))
                {
                    who.Load.Serve(TimeSpan.FromSeconds(1));
                    rate[at][round] = who.Load.SetUp(0, _peers, _atOnce, _time).Rate;
                    sent = flood.Rate;
                }

                memory[at][round] = who.Resident() / 1e6;
                who.Load.Clear();
                who.Load.Serve(TimeSpan.FromSeconds(1));
                Console.Error.WriteLine($"{who.Name}: calm {calm[at][round]:0}, flood {rate[at][round]:0} set-ups/s, {sent:0} bogus/s");
            }

        var note = $"while {sent:0} bogus requests arrive each second, each from another address; {_atOnce} set-ups at once";
        IkeSuite.Add(report, "flood", Rate, "set-ups/s", rate, moreIsBetter: true, note);
        IkeSuite.Add(report, "flood-calm", 0, "set-ups/s", calm, moreIsBetter: true, "the same without a flood");
        IkeSuite.Add(report, "flood-memory", Rate, "MB", memory, moreIsBetter: false, "resident memory after it");
    }

    private static double[][] Table() => [new double[_rounds], new double[_rounds]];
}

/// <summary>Sends the same request again and again at a steady rate, each time with another source, SPI, nonce and public value.</summary>
internal sealed unsafe partial class FloodSender : IDisposable
{
    private const int _burst = 64;
    private const int _ip = 20, _udp = 8;

    private readonly SafeFileHandle _socket;
    private readonly Thread _thread;
    private readonly byte[] _template;
    private readonly int _rate;
    private readonly List<int> _random = [];
    private readonly long _start = Stopwatch.GetTimestamp();
    private volatile bool _ended;
    private long _sent;

    /// <param name="from">Where it sends from; answers end there.</param>
    /// <param name="request">An IKE_SA_INIT request.</param>
    /// <param name="rate">Datagrams per second.</param>
    internal FloodSender(Netns from, byte[] request, int rate)
    {
        _rate = rate;
        _template = new byte[_ip + _udp + request.Length];
        request.CopyTo(_template, _ip + _udp);
        _template[0] = 0x45;
        _template[8] = 64;
        _template[9] = 17;
        IPAddress.Parse(LabNet.LeftAddress).GetAddressBytes().CopyTo(_template, 16);
        Put16(20, 500);
        Put16(22, 500);
        Put16(24, _udp + request.Length);
        // The public value's last half and the nonce: what a responder cannot know to be bogus.
        for (int at = 28, type = request[16]; type != 0 && at + 4 <= request.Length; at += (request[at + 2] << 8) | request[at + 3])
        {
            if (type is 34 or 40) _random.Add(_ip + _udp + at + (type == 34 ? 8 : 4));
            type = request[at];
        }

        from.Try("ip route add blackhole 198.18.0.0/15");
        _socket = from.Run(() => new SafeFileHandle(socket(2, 3, 255), ownsHandle: true));
        if (_socket.IsInvalid) throw new InvalidOperationException("There is no raw socket.");
        _thread = new Thread(Send) { IsBackground = true, Name = "flood" };
        _thread.Start();
    }

    /// <summary>Datagrams per second so far.</summary>
    internal double Rate => Volatile.Read(ref _sent) / Stopwatch.GetElapsedTime(_start).TotalSeconds;

    public void Dispose()
    {
        _ended = true;
        _thread.Join();
        _socket.Dispose();
    }

    private void Send()
    {
        // Neither with the responder nor pinned to the initiators: where there is time.
        Machine.Pin();
        var length = _template.Length;
        var packets = (byte*)NativeMemory.Alloc((nuint)(length * _burst));
        var messages = stackalloc MessageHeader[_burst];
        var vectors = stackalloc Vector[_burst];
        var address = stackalloc byte[16];
        new Span<byte>(address, 16).Clear();
        address[0] = 2;
        _template.AsSpan(16, 4).CopyTo(new Span<byte>(address + 4, 4));
        for (var i = 0; i < _burst; i++)
        {
            _template.CopyTo(new Span<byte>(packets + (i * length), length));
            vectors[i] = new Vector { Base = packets + (i * length), Length = (nuint)length };
            messages[i] = new MessageHeader { Name = address, NameLength = 16, Vectors = &vectors[i], Count = 1 };
        }

        Span<byte> random = stackalloc byte[64];
        var clock = Stopwatch.GetTimestamp();
        var owed = 0.0;
        var nap = stackalloc long[2];
        nap[1] = 500_000;
        while (!_ended)
        {
            var now = Stopwatch.GetTimestamp();
            owed = Math.Min(owed + (Stopwatch.GetElapsedTime(clock, now).TotalSeconds * _rate), _rate / 20.0);
            clock = now;
            if (owed < _burst)
            {
                _ = nanosleep(nap, null);
                continue;
            }

            for (var i = 0; i < _burst; i++)
            {
                var packet = new Span<byte>(packets + (i * length), length);
                RandomNumberGenerator.Fill(random);
                (packet[12], packet[13], packet[14], packet[15]) = (198, (byte)(18 | (random[0] & 1)), random[1], random[2]);
                random.Slice(8, 8).CopyTo(packet[(_ip + _udp)..]);
                foreach (var at in _random) random.Slice(16, 24).CopyTo(packet[at..]);
            }

            var done = sendmmsg((int)_socket.DangerousGetHandle(), messages, _burst, 0);
            owed -= _burst;
            if (done > 0) Volatile.Write(ref _sent, _sent + done);
        }

        NativeMemory.Free(packets);
    }

    private void Put16(int at, int value) => (_template[at], _template[at + 1]) = ((byte)(value >> 8), (byte)value);

    [StructLayout(LayoutKind.Sequential)]
    private struct Vector
    {
        public byte* Base;
        public nuint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public byte* Name;
        public uint NameLength;
        public Vector* Vectors;
        public nuint Count;
        public byte* Control;
        public nuint ControlLength;
        public nint Flags;
        public nint Sent;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int family, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sendmmsg(int socket, MessageHeader* messages, uint count, int flags);

    [LibraryImport("libc")]
    private static partial int nanosleep(long* time, long* remaining);
}
