using System.Runtime.CompilerServices;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Guard;

/// <summary>What became of a frame.</summary>
internal enum GuardFate : byte
{
    Pass,

    /// <summary>A policer ended it.</summary>
    Policed,

    /// <summary>A rule of a MAC ACL denies it.</summary>
    Denied,

    /// <summary>Its source used up what it may.</summary>
    Limited,
}

/// <summary>Holds whole Ethernet frames to what their interface asks of them.</summary>
internal static unsafe class GuardJudge
{
    /// <summary>Judges frames that came in by one interface.</summary>
    public static void In(ref Frame frame, GuardSlots* slots, uint* indices, int count, GuardFate* fates)
    {
        new Span<GuardFate>(fates, count).Clear();
        var rules = (MacProgram*)Volatile.Read(ref slots->MacIn);
        if (rules != null) MacJudge.Judge(ref frame, rules, indices, count, fates);
        if (slots->LimitIn != 0) Limit(ref frame, slots->LimitIn, indices, count, fates);
        if (slots->PolicerIn != 0) Police(ref frame, slots->PolicerIn, indices, count, fates);
    }

    /// <summary>Judges frames that leave by one interface.</summary>
    public static void Out(ref Frame frame, GuardSlots* slots, uint* indices, int count, GuardFate* fates)
    {
        new Span<GuardFate>(fates, count).Clear();
        var rules = (MacProgram*)Volatile.Read(ref slots->MacOut);
        if (rules != null) MacJudge.Judge(ref frame, rules, indices, count, fates);
        if (slots->PolicerOut != 0) Police(ref frame, slots->PolicerOut, indices, count, fates);
    }

    /// <summary>Judges IP packets (L3 set) that rules sent to policers; true for those that end.</summary>
    public static void Rules(ref Frame frame, PolicedPacket* packets, int count, bool* drops)
    {
        var table = frame.Tables.Guards;
        for (var start = 0; start < count;)
        {
            var policer = packets[start].Policer;
            var end = start + 1;
            while (end < count && packets[end].Policer == policer) end++;
            Policing.Judge(table.Policer(policer), frame.Context.Worker, frame.Now, packets + start, end - start, drops + start);
            start = end;
        }
    }

    /// <summary>Whether the source of an IP packet may send it by a limit, which may be gone.</summary>
    public static bool MaySend(ref Frame frame, uint limit, byte* ip)
    {
        var held = frame.Tables.Guards.Limit(limit);
        return held == null || SourceLimit.Allows(held, ip, flow: false, frame.Context.Worker, frame.Now);
    }

    /// <summary>Whether the source of an IP packet that came in by an interface may begin a flow.</summary>
    public static bool MayBegin(ref Frame frame, uint by, byte* ip)
    {
        var limit = frame.Tables.Guards[by]->LimitIn;
        if (limit == 0) return true;
        var held = frame.Tables.Guards.Limit(limit);
        return held == null || SourceLimit.Allows(held, ip, flow: true, frame.Context.Worker, frame.Now);
    }

    private static void Limit(ref Frame frame, uint limit, uint* indices, int count, GuardFate* fates)
    {
        for (var i = 0; i < count; i++)
            if (fates[i] == GuardFate.Pass && FrameIp.TryFind(frame.Data(indices[i]), frame.Meta(indices[i]), out var ip, out _) && !MaySend(ref frame, limit, ip)) fates[i] = GuardFate.Limited;
    }

    [SkipLocalsInit]
    private static void Police(ref Frame frame, uint policer, uint* indices, int count, GuardFate* fates)
    {
        var packets = stackalloc PolicedPacket[Frame.Size];
        var drops = stackalloc bool[Frame.Size];
        var found = 0;
        for (var i = 0; i < count; i++)
        {
            if (fates[i] != GuardFate.Pass || !FrameIp.TryFind(frame.Data(indices[i]), frame.Meta(indices[i]), out var ip, out var octets)) continue;
            packets[found++] = new PolicedPacket { Ip = ip, Length = octets, At = i };
        }

        if (found == 0) return;
        Policing.Judge(frame.Tables.Guards.Policer(policer), frame.Context.Worker, frame.Now, packets, found, drops);
        for (var i = 0; i < found; i++)
            if (drops[i]) fates[packets[i].At] = GuardFate.Policed;
    }
}
