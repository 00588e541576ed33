using System.Diagnostics;
using Gateway.Host.Vault;
using Gateway.Policy;
using Gateway.Policy.Journal;
using Xunit;

namespace Gateway.Unit.Vault;

/// <summary>When the SAs in a vault may go on, and when not.</summary>
public sealed class VaultDoubtTests : IDisposable
{
    private static readonly Guid _boot = Guid.NewGuid();
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-doubt-").FullName;

    private string FilePath => Path.Combine(_folder, "vault");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_vault_that_was_left_alone_is_trusted()
    {
        Open(_boot).Dispose();
        using var again = Open(_boot);
        Assert.Equal(VaultDoubt.None, again.Doubt);
        Assert.Equal(_boot, again.PreviousBootId);
    }

    [Fact]
    public void Another_boot_is_seen()
    {
        Open(_boot).Dispose();
        using var again = Open(Guid.NewGuid());
        Assert.Equal(VaultDoubt.OtherBoot, again.Doubt);
    }

    [Fact]
    public void A_copy_is_seen_also_under_the_old_name()
    {
        Open(_boot).Dispose();
        Shell("cp", "-a", "--sparse=always", FilePath, FilePath + ".copy");
        File.Move(FilePath + ".copy", FilePath, overwrite: true);
        using var again = Open(_boot);
        Assert.Equal(VaultDoubt.Copied, again.Doubt);
    }

    [Fact]
    public void A_file_that_was_written_to_later_is_seen_with_any_time_stamp()
    {
        Open(_boot).Dispose();
        var written = File.GetLastWriteTimeUtc(FilePath);
        Thread.Sleep(VaultPulse.Slack + VaultPulse.Interval);
        using (var file = File.OpenWrite(FilePath))
        {
            file.Seek(3 * VaultFile.UnitLength, SeekOrigin.Begin);
            file.WriteByte(1);
        }

        File.SetLastWriteTimeUtc(FilePath, written);
        using var again = Open(_boot);
        Assert.Equal(VaultDoubt.Touched, again.Doubt);
    }

    [Fact]
    public void A_gateway_that_was_away_too_long_is_seen()
    {
        Open(_boot).Dispose();
        using (var file = File.OpenHandle(FilePath, FileMode.Open, FileAccess.ReadWrite))
        {
            // The pulse's moment since boot, as it would be after more than the longest time.
            var pulse = new byte[8];
            RandomAccess.Read(file, pulse, 192);
            RandomAccess.Write(file, BitConverter.GetBytes(BitConverter.ToInt64(pulse) - (long)VaultPulse.LongestAway.TotalMilliseconds - 1000), 192);
        }

        using var again = Open(_boot);
        Assert.Equal(VaultDoubt.AwayTooLong, again.Doubt);
    }

    [Fact]
    public void A_doubt_stays_until_what_must_not_go_on_is_shredded()
    {
        Open(_boot).Dispose();
        var now = Guid.NewGuid();
        Open(now).Dispose();
        using (var again = Open(now))
        {
            // The start that found it ended early.
            Assert.Equal(VaultDoubt.OtherBoot, again.Doubt);
            again.Trust();
        }

        using var trusted = Open(now);
        Assert.Equal(VaultDoubt.None, trusted.Doubt);
    }

    [Theory]
    [InlineData(0, true)] // the process ended before the journal stored what was announced
    [InlineData(1, true)] // or right after
    [InlineData(-1, false)] // the journal was rolled back
    [InlineData(2, false)] // or the vault was
    public void The_journals_head_must_be_the_stored_or_the_announced_one(int at, bool trusted)
    {
        var heads = Enumerable.Range(1, 5).Select(Head).ToArray();
        using (var vault = Open(_boot))
        {
            vault.CheckJournal(JournalHead.Empty);
            vault.Trust();
            foreach (var head in heads[..3])
            {
                vault.JournalWillStore(head);
                vault.JournalStored();
            }

            // Refused, and tried again: what is stored must not be forgotten over it.
            vault.JournalWillStore(Head(99));
            vault.JournalWillStore(heads[3]);
        }

        using var again = Open(_boot);
        again.CheckJournal(heads[2 + at]);
        Assert.Equal(trusted ? VaultDoubt.None : VaultDoubt.OtherJournal, again.Doubt);
        if (!trusted) return;
        // The next announcement takes the place of the head that is not the journal's.
        again.JournalWillStore(heads[4]);
        again.Dispose();
        using var third = Open(_boot);
        third.CheckJournal(heads[2 + at]);
        Assert.Equal(VaultDoubt.None, third.Doubt);
    }

    [Fact]
    public void A_head_of_the_same_position_with_another_hash_is_another_journals()
    {
        using (var vault = Open(_boot))
        {
            vault.JournalWillStore(Head(7));
            vault.JournalStored();
        }

        using var again = Open(_boot);
        again.CheckJournal(new JournalHead(7, Head(8).Hash));
        Assert.Equal(VaultDoubt.OtherJournal, again.Doubt);
    }

    [Fact]
    public void An_empty_journal_is_refused_by_a_vault_that_served_another_one()
    {
        using (var vault = Open(_boot))
        {
            // A first start, and one that ended before anything was stored.
            vault.RefuseEmptyJournal(JournalHead.Empty, "journal.db");
            vault.JournalWillStore(Head(1));
            vault.RefuseEmptyJournal(JournalHead.Empty, "journal.db");
            vault.JournalStored();
            vault.JournalWillStore(Head(9));
        }

        using var again = Open(_boot);
        var refused = Assert.Throws<VaultException>(() => again.RefuseEmptyJournal(JournalHead.Empty, "journal.db"));
        Assert.Contains("journal.db is empty, but the vault belongs to one that reached position 9", refused.Message, StringComparison.Ordinal);
        again.RefuseEmptyJournal(Head(1), "journal.db");
    }

    [Fact]
    public void Whether_the_journal_is_known_is_told_apart_from_other_doubts()
    {
        using (var vault = Open(_boot))
        {
            vault.JournalWillStore(Head(1));
            vault.JournalStored();
        }

        using var again = Open(Guid.NewGuid());
        again.CheckJournal(Head(1));
        Assert.Equal((VaultDoubt.OtherBoot, true), (again.Doubt, again.KnowsJournal));
        again.CheckJournal(Head(2));
        Assert.Equal((VaultDoubt.OtherBoot, false), (again.Doubt, again.KnowsJournal));
    }

    private static JournalHead Head(int position) => new(position, new Octets([.. Enumerable.Repeat((byte)position, 32)]));

    private static void Shell(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private VaultFile Open(Guid boot) => VaultFile.Open(FilePath, KeyEncryptionKey.Load(Path.Combine(_folder, "vault.key"), mayCreate: true), "gw1", boot, 64);
}
