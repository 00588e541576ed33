using Gateway.Bench.Harness;
using Gateway.Crypto.Aead;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Tables;

namespace Gateway.Bench.Graph;

/// <summary>
/// The SAD asked for SPIs and the SPD for packets, with many SAs beside one, a frame at a time as the nodes ask: all places of a frame are asked for before the first is looked at. Size is the number of SAs.
/// </summary>
internal sealed unsafe class SaLookups : IDisposable
{
    private const int Asked = 8192, Frame = 256;

    private readonly Epochs _epochs = new(1);
    private readonly Sad _sad;
    private readonly SpdTable<uint> _spd;
    private readonly uint[] _spis = new uint[Asked];
    private readonly SpdKey<uint>[] _keys = new SpdKey<uint>[Asked];

    private SaLookups(int sas)
    {
        _sad = new Sad(_epochs);
        _spd = new SpdTable<uint>(_epochs);
        for (var i = 0; i < sas; i++)
        {
            var entry = (SaEntry*)_sad.Rows.Take();
            entry->In.Spi = SpiOf(i);
            entry->Place = new SaPlace { Whole = SaPlace.Of(0) };
            if (!_sad.Add(entry)) throw new InvalidOperationException("The SAD is full.");
            var any = new SpdRange<uint> { Start = 0x0A01_0000, End = 0x0A01_00FF, LastPort = ushort.MaxValue };
            var one = new SpdRange<uint> { Start = 0x1400_0000 + (uint)i, End = 0x1400_0000 + (uint)i, LastPort = ushort.MaxValue };
            _spd.Add(new SpdRule<uint> { Local = any, Remote = one, Rank = SpdRank.Of(0, SpdAction.Protect, any, one), Order = (ulong)i, Action = SpdAction.Protect, Sa = (uint)i + 1 });
        }
        var random = new Random(1);
        for (var i = 0; i < Asked; i++)
        {
            var sa = random.Next(sas);
            _spis[i] = SpiOf(sa);
            _keys[i] = new SpdKey<uint> { Local = 0x0A01_0002, Remote = 0x1400_0000 + (uint)sa, Protocol = 17, HasPorts = true, LocalPort = 1, RemotePort = 2 };
        }
    }

    /// <summary>What lookups found, so that they are not left out.</summary>
    public static ulong Found { get; private set; }

    public static void Run(Report report, string suite)
    {
        const int sas = 60_000;
        if (!report.Wants("sad-lookup", sas) && !report.Wants("spd4-lookup", sas)) return;
        report.Note($"graph: an SA takes {sizeof(SaEntry)} bytes, {sizeof(SaPath)} for its outer headers, {sizeof(SaHotState)} of hot state, {2 * sizeof(AesGcmSeed)} for its keys and {sizeof(SpdRule<uint>)} for each pair of selectors");
        using var one = new SaLookups(1);
        using var many = new SaLookups(sas);
        if (report.Wants("sad-lookup", sas))
            report.AddTimes(suite, "sad-lookup", sas, Contest.Run([new Contender(Contest.Gateway, many.AskSad), new Contender("one-sa", one.AskSad)], Asked), "ns/lookup");
        if (report.Wants("spd4-lookup", sas))
            report.AddTimes(suite, "spd4-lookup", sas, Contest.Run([new Contender(Contest.Gateway, many.AskSpd), new Contender("one-sa", one.AskSpd)], Asked), "ns/lookup");
    }

    public void Dispose()
    {
        _spd.Dispose();
        _sad.Dispose();
        _epochs.Dispose();
    }

    /// <summary>As IKE chooses them: by chance.</summary>
    private static uint SpiOf(int sa) => 0xC000_0000 | ((uint)sa * 0x9E3779B1 & 0x3FFF_FFFF);

    private void AskSad(int times)
    {
        ulong found = 0;
        for (; times > 0; times--)
            for (var start = 0; start < Asked; start += Frame)
            {
                for (var i = start; i < start + Frame; i++) _sad.PrefetchSpi(_spis[i]);
                for (var i = start; i < start + Frame; i++) found += _sad.Find(_spis[i]) == null ? 0ul : 1;
            }
        Found += found;
    }

    private void AskSpd(int times)
    {
        ulong found = 0;
        var isLarge = _spd.Count >= SpdTable<uint>.Many;
        for (; times > 0; times--)
            for (var start = 0; start < Asked; start += Frame)
            {
                for (var pass = 0; pass < (isLarge ? 2 : 0); pass++)
                    for (var i = start; i < start + Frame; i++) _spd.Prefetch(_keys[i], 0, rules: pass == 1);
                for (var i = start; i < start + Frame; i++) found += _spd.Find(_keys[i])->Sa;
            }
        Found += found;
    }
}
