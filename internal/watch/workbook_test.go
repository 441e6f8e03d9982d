package watch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"partnerlens/internal/watch"
)

// sheets are the rows of a workbook by the names of its sheets.
func sheets(t *testing.T, text string) (names []string, rows map[string][][]string) {
	t.Helper()
	file, err := excelize.OpenReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	rows = make(map[string][][]string)
	for _, name := range file.GetSheetList() {
		if rows[name], err = file.GetRows(name); err != nil {
			t.Fatal(err)
		}
	}
	return file.GetSheetList(), rows
}

// facts are the rows of the last sheet: a name, and values joined by spaces.
func facts(rows [][]string) map[string]string {
	all := make(map[string]string)
	for _, row := range rows[2:] {
		all[row[0]] = strings.TrimPrefix(all[row[0]]+" "+row[1], " ")
	}
	return all
}

// The workbook has the run's other objects, and says in its first sheet's name and in the
// first line of every sheet whether the list has every customer.
func TestWorkbook(t *testing.T) {
	t.Parallel()
	w := newWorld(folder(t), 57)
	w.watch(t, "2026-11-20")
	w.books.left[20], w.books.left[99] = -50, 500
	delete(w.books.left, 3)
	m := w.watch(t, "2026-11-21").Manifest

	names, rows := sheets(t, get(t, w.store, "runs/credit/north/2026-11-21/customers.xlsx"))
	if fmt.Sprint(names) != "[Customers Changes Alerts Open alerts Run]" {
		t.Fatal(names)
	}
	line := "Complete: all 57 customers of tencentcloud/north, as of 2026-11-21 06:00:00 (UTC+08:00)"
	for name, sheet := range rows {
		if sheet[0][0] != line {
			t.Errorf("%s begins with %q", name, sheet[0])
		}
	}
	lines := strings.Split(strings.TrimSpace(unpacked(t, get(t, w.store, "runs/credit/north/2026-11-21/customers.ndjson.gz"))), "\n")
	if got := rows["Customers"]; len(got) != 2+len(lines) || got[2][2] != idOf(0) || got[2][3] == "" || got[2][10] != "500.00" {
		t.Errorf("%d rows, %q", len(got), got[2])
	}
	object := m.Objects[len(m.Objects)-1]
	if object.Name != "customers.xlsx" || object.Rows != 57 {
		t.Errorf("the manifest has %+v", object)
	}
	name := rows["Customers"][2+slices.IndexFunc(rows["Customers"][2:], func(row []string) bool { return row[2] == idOf(20) })][3]
	var changes []string
	for _, row := range rows["Changes"][2:] {
		changes = append(changes, strings.Join(row, "|"))
	}
	want := []string{"gone|" + idOf(3), "changed|" + idOf(20) + "||" + name + "|Remaining|520.00|-50.00", "changed|" + idOf(20) + "||" + name + "|Status|ok|overdrawn", "new|" + idOf(99)}
	for i := range want {
		if len(changes) != len(want) || !strings.HasPrefix(changes[i], want[i]) {
			t.Fatalf("changes %q, want %q", changes, want)
		}
	}
	for list, kinds := range map[string]string{"Alerts": "[customer_gone credit_overdrawn customer_new]", "Open alerts": "[credit_overdrawn]"} {
		var got []string
		for _, row := range rows[list][2:] {
			got = append(got, row[1])
			if row[3] == idOf(20) && (row[2] != "2026-11-21 06:00:00" || row[5] != name || row[6] != "-50.00") {
				t.Errorf("%s: %q", list, row)
			}
		}
		if fmt.Sprint(got) != kinds {
			t.Errorf("%s: %s, want %s", list, got, kinds)
		}
	}
	of := facts(rows["Run"])
	for name, value := range map[string]string{
		"Run": "2026-11-21", "State": "done", "Complete": "true", "As of": "2026-11-21 06:00:00 (UTC+08:00)", "Previous": "2026-11-20", "Count": "57",
		"Changes": "changed: 1 gone: 1 new: 1", "Open": "credit_overdrawn: 1", "By status": "ok: 56 overdrawn: 1",
	} {
		if of[name] != value {
			t.Errorf("the fact %s is %q, want %q", name, of[name], value)
		}
	}
}

func TestWorkbookOfADoubtfulList(t *testing.T) {
	t.Parallel()
	w := newWorld(folder(t), 57)
	w.watch(t, "2026-11-19")
	w.change = func(job *watch.Job) { job.Language = "zh" }
	w.books.lie = 3
	w.books.left[20] = -50
	w.watch(t, "2026-11-20")
	names, rows := sheets(t, get(t, w.store, "runs/credit/north/2026-11-20/customers.unproven.xlsx"))
	if fmt.Sprint(names) != "[客户（未能证明完整） 变化 告警 未解除的告警 批次]" {
		t.Fatal(names)
	}
	for name, sheet := range rows {
		if !strings.HasPrefix(sheet[0][0], "未能证明完整：tencentcloud/north 的 57 个客户，名单可能有缺漏") {
			t.Errorf("%s begins with %q", name, sheet[0])
		}
	}
	titles := rows[names[0]][1]
	if at := slices.Index(titles, "状态"); titles[2] != "客户 ID" || rows[names[0]][2][at] != "正常" || rows[names[0]][2][at-1] != "ok" {
		t.Errorf("titles %q", titles)
	}
	if got := rows["变化"][3]; got[0] != "changed" || got[1] != "变化" || got[5] != "状态代码" || got[6] != "正常" || got[7] != "已透支" {
		t.Errorf("a change: %q", got)
	}
	if got := rows["告警"][2]; fmt.Sprint(got[:4]) != "[critical 严重 credit_overdrawn 已透支]" {
		t.Errorf("an alert: %q", got)
	}
	if of := facts(rows["批次"]); of["已证明完整"] != "false" || !strings.Contains(of["警告"], "total_mismatch: ") {
		t.Errorf("facts %q", of)
	}

	w.books.lie, w.change = 0, nil
	for i := range 40 {
		delete(w.books.left, i)
	}
	if outcome := w.watch(t, "2026-11-21"); outcome.State != watch.Held {
		t.Fatal(outcome.State)
	}
	names, rows = sheets(t, get(t, w.store, "runs/credit/north/2026-11-21/customers.held.xlsx"))
	if names[0] != "Customers NOT ACCEPTED" || !strings.HasPrefix(rows[names[0]][0][0], "HELD, NOT ACCEPTED: only 17 customers") || len(rows[names[0]]) != 2+17 || len(rows["Alerts"]) != 2 {
		t.Errorf("%q begins with %q", names, rows[names[0]][0])
	}
}
