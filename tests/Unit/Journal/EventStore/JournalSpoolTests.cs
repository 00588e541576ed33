using Gateway.Host.Journal;
using Gateway.Host.Journal.EventStore;
using Gateway.Host.Journal.EventStore.Contract;
using Gateway.Policy.Journal;
using Google.Protobuf;
using Xunit;

namespace Gateway.Unit.Journal.EventStore;

public sealed class JournalSpoolTests : IDisposable
{
    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("gateway-spool-").FullName, "j.spool");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    [Fact]
    public void What_was_added_is_there_again_in_order()
    {
        using (var spool = JournalSpool.Open(_path, out var none))
        {
            Assert.Empty(none);
            spool.Add(Messages("a", "b"));
            spool.Add(Messages("c"));
            spool.Add(Messages("d"));
            spool.RemoveFirst();
            spool.RemoveLast();
            Assert.True(spool.Waiting > 0);
        }

        // The part that has arrived is read again: the stream itself says that it is there.
        using (JournalSpool.Open(_path, out var waiting)) Assert.Equal(["a b", "c"], waiting.Select(Text));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_path));
    }

    [Fact]
    public void It_is_empty_when_everything_has_arrived()
    {
        using (var spool = JournalSpool.Open(_path, out _))
        {
            spool.Add(Messages("a"));
            spool.RemoveFirst();
            Assert.Equal(0, spool.Waiting);
        }

        Assert.Equal(8, new FileInfo(_path).Length);
    }

    [Fact]
    public void A_record_that_was_cut_off_at_any_octet_is_as_if_it_had_not_been_begun()
    {
        using (var spool = JournalSpool.Open(_path, out _))
        {
            spool.Add(Messages("a"));
            spool.Add(Messages("b"));
        }

        var whole = File.ReadAllBytes(_path);
        var first = 8 + ((whole.Length - 8) / 2);
        for (var length = first; length < whole.Length; length++)
        {
            File.WriteAllBytes(_path, whole[..length]);
            using (JournalSpool.Open(_path, out var waiting)) Assert.Equal(["a"], waiting.Select(Text));
        }
    }

    [Fact]
    public void A_flipped_bit_is_found()
    {
        using (var spool = JournalSpool.Open(_path, out _)) spool.Add(Messages("a"));
        var bytes = File.ReadAllBytes(_path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(_path, bytes);
        using (JournalSpool.Open(_path, out var waiting)) Assert.Empty(waiting);
    }

    [Fact]
    public void Another_file_is_not_taken_for_a_spool()
    {
        File.WriteAllText(_path, "not a spool at all");
        Assert.Throws<JournalDamagedException>(() => JournalSpool.Open(_path, out _));
        Assert.Equal("not a spool at all", File.ReadAllText(_path));
    }

    [Fact]
    public void A_long_file_is_written_anew_when_most_of_it_has_arrived()
    {
        using (var spool = JournalSpool.Open(_path, out _))
        {
            for (var i = 0; i < 12; i++) spool.Add(Messages(new string((char)('a' + i), 1_000_000)));
            for (var i = 0; i < 9; i++) spool.RemoveFirst();
            Assert.InRange(new FileInfo(_path).Length, 3_000_000, 7_000_000);
            spool.Add(Messages("last"));
        }

        using (JournalSpool.Open(_path, out var waiting)) Assert.Equal("last", Text(waiting[^1]));
    }

    [Fact]
    public void A_full_disk_refuses_the_record_and_keeps_the_others()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "There is no /dev/full");
        Assert.ThrowsAny<Exception>(() => JournalSpool.Open("/dev/full", out _));
    }

    private static List<AppendReq.Types.ProposedMessage> Messages(params string[] texts) => [.. texts.Select(t => new AppendReq.Types.ProposedMessage { Data = ByteString.CopyFromUtf8(t) })];

    private static string Text(IReadOnlyList<AppendReq.Types.ProposedMessage> messages) => string.Join(' ', messages.Select(m => m.Data.ToStringUtf8()));
}
